import MachineModel

/// The budget of bytes that steps hold: the histories that they show, from the moment at which they are
/// read until the processor has answered, and then its answer until it is durable. A step that would
/// exceed it waits with nothing read for it, within its deadline.
///
/// What a history takes is not known before it is read. So a step first takes a small part for a
/// history that most likely fits; one that does not fit waits for the room of the largest one.
struct StepMemory {
  /// A part that is free for so many bytes more.
  enum Part {
    /// Enough for most histories.
    case small
    /// Enough for any.
    case large
  }

  /// Bytes that steps hold together.
  fileprivate(set) var bytes = 0
  /// Namespaces whose next step waits for memory, in the order in which they began to.
  fileprivate var waiting = RemovalQueue<NamespaceState>()
  /// The step that was let in though it did not fit, since its namespace had none: so that each goes on,
  /// however small the budget is and whoever holds it.
  fileprivate var exception: StepID?
  /// Something may be had, and nobody has looked for it yet.
  fileprivate(set) var mayAdmit = false
  /// Set while those that wait are looked at, in their order.
  fileprivate var isAdmitting = false
  /// Namespaces that are looked at in one turn.
  fileprivate static let maximumLooks = 16
}

extension Engine {
  /// What a namespace could have at most: never more than it leaves free, so that none takes
  /// everything, as with requests.
  func freeStepBytes() -> Int { max(0, configuration.historyBytes - stepMemory.bytes) }

  private func bytes(of part: StepMemory.Part) -> Int {
    switch part {
    case .small: min(configuration.smallHistoryBytes, LoadRequest.maximumHistoryBytes)
    case .large: LoadRequest.maximumHistoryBytes
    }
  }

  /// Takes a part for the machine's step, which holds nothing yet; false = it has to wait.
  mutating func reserve(_ part: StepMemory.Part, _ machine: ResidentMachine) -> Bool {
    guard let step = machine.running else { return false }
    let namespace = machine.namespace
    let wanted = step.showsHistory ? bytes(of: part) : 0
    if wanted > 0, namespace.stepBytes + wanted > freeStepBytes() {
      // Nobody overtakes a namespace that waits for the same.
      let mayBeException = namespace.stepBytes == 0 && stepMemory.exception == nil
      guard mayBeException, stepMemory.isAdmitting || stepMemory.waiting.isEmpty else {
        stepMemory.waiting.append(namespace)
        if mayBeException { stepMemory.mayAdmit = true }
        return false
      }
      stepMemory.exception = step.id
    }
    stepMemory.waiting.remove(namespace)
    machine.running?.historyBytes = part == .large ? LoadRequest.maximumHistoryBytes : wanted
    hold(wanted, machine)
    return true
  }

  /// The machine's step holds so many bytes from now on.
  mutating func hold(_ bytes: Int, _ machine: ResidentMachine) {
    guard let held = machine.running?.heldBytes else { return }
    machine.running?.heldBytes = bytes
    machine.namespace.stepBytes += bytes - held
    stepMemory.bytes += bytes - held
    if bytes < held { stepMemory.mayAdmit = true }
  }

  /// The step holds nothing, and is no exception any more, but will want something again.
  mutating func giveBack(_ machine: ResidentMachine) {
    hold(0, machine)
    if let step = machine.running { endException(step) }
  }

  /// The step is over, or begins anew. It is not the machine's running one any longer.
  mutating func release(_ step: RunningStep, _ namespace: NamespaceState) {
    namespace.stepBytes -= step.heldBytes
    stepMemory.bytes -= step.heldBytes
    if step.heldBytes > 0 { stepMemory.mayAdmit = true }
    endException(step)
  }

  mutating func endException(_ step: RunningStep) {
    guard stepMemory.exception == step.id else { return }
    stepMemory.exception = nil
    stepMemory.mayAdmit = true
  }

  /// Lets those go on that waited for memory, as far as there is some now.
  mutating func admitWaitingForMemory() {
    guard stepMemory.mayAdmit else { return }
    stepMemory.mayAdmit = false
    stepMemory.isAdmitting = true
    // Those that have to wait on keep their places; whoever holds memory comes here after them.
    for namespace in stepMemory.waiting.prefix(StepMemory.maximumLooks) {
      Visits.note(1)
      admitWaiting(namespace)
      if namespace.outside.isEmpty, namespace.large.isEmpty { stepMemory.waiting.remove(namespace) }
    }
    stepMemory.isAdmitting = false
  }
}

extension RunningStep {
  /// It may show a history to its processor.
  var showsHistory: Bool {
    if case .start? = request?.operation { return false }
    return asksProcessor
  }

  /// What its history takes, read or not in memory by itself.
  var bytesOfHistory: Int {
    (history ?? []).reduce(0) { $0 + HistoryWindow.bytes(of: $1) }
  }
}

extension ProcessorOutcome {
  /// What an answer takes until it is durable.
  var bytes: Int {
    switch self {
    case .answered(let answer):
      answer.change.events.reduce(answer.response.heapBytes) { $0 + $1.data.heapBytes + 64 }
        + (answer.change.auxState?.data.heapBytes ?? 0)
    case .status(let status): status.details.reduce(status.message.heapBytes) { $0 + $1.heapBytes }
    case .unreachable(let message), .lost(_, let message), .unusable(let message):
      message.heapBytes
    case .machineTooLarge: 0
    }
  }
}
