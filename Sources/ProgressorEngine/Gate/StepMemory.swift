import MachineModel

/// The budget of bytes that steps hold: the histories that they show, from the moment at which they
/// are read until the processor has answered, and then its answer until it is durable. A step that
/// would exceed it waits with nothing read for it, within its deadline.
///
/// What a history takes is not known before it is read. So a step first takes a small part for a
/// history that most likely fits; one that does not fit waits for the room of the largest one.
struct StepMemory {
  /// A part of the room for what running steps hold.
  enum Part {
    /// Enough for most histories.
    case small
    /// Enough for any.
    case large
  }

  /// What one step holds. Bytes.
  struct Share {
    /// Those that its history may have to be read now.
    fileprivate(set) var allowed = 0
    /// Those that it holds.
    fileprivate(set) var held = 0
    /// Those of them that are its request's, since that is answered.
    fileprivate var unheard = 0
    /// It stands aside: what it holds counts apart.
    fileprivate(set) var isAside = false
  }

  /// What a namespace holds. Bytes.
  struct Account {
    /// What its steps hold, but for those that stand aside.
    fileprivate(set) var steps = 0
    /// What those hold, and its notifications that are kept: neither is counted in `steps`.
    fileprivate(set) var aside = 0
  }

  /// What a machine's notification holds that is kept, since it cannot be written now. Bytes.
  struct Kept {
    fileprivate(set) var bytes = 0
  }

  private let limit: Int
  private let asideLimit: Int
  private let smallPart: Int

  /// Bytes that steps hold together, but for those that stand aside.
  private(set) var bytes = 0
  /// What the answers of steps take that stand aside, since the database cannot write them now, and
  /// notifications that are kept: they have a budget of their own, so that they keep nobody from
  /// going on, however long that lasts.
  private(set) var asideBytes = 0
  /// Namespaces whose next step waits for memory, by what they would have with it: the one that has
  /// least is the first to find that it is not more than what is free, of equals the one that waits
  /// longest.
  private var waiting = RankedHeap<NamespaceState, Int, Void>()
  /// Those of them that have none, in the order in which they began to wait so.
  private var empty = RemovalQueue<NamespaceState>()
  /// The step that was let in though it did not fit, since its namespace had none: so that each
  /// goes on, however small the budget is and whoever holds it.
  private var exception: StepID?

  init(_ configuration: EngineConfiguration) {
    limit = configuration.historyBytes
    asideLimit = configuration.asideBytes
    smallPart = min(configuration.smallHistoryBytes, LoadRequest.maximumHistoryBytes)
  }

  var waitingCount: Int { waiting.count }

  func waits(_ namespace: NamespaceState) -> Bool { waiting.rank(of: namespace) != nil }

  /// The namespace whose next step need not wait for memory any more, nil = there is none. Nothing
  /// is remembered of what was given back, so that none of it can be forgotten.
  var next: NamespaceState? {
    if let wanted = waiting.first, wanted <= free { return waiting.firstKey }
    return exception == nil ? empty.first : nil
  }

  /// What a namespace could have at most: never more than it leaves free, so that none takes
  /// everything, as with requests.
  private var free: Int { max(0, limit - bytes) }

  /// What memory knows of a namespace that waits contradicts the namespace, or itself.
  func isInconsistent(_ namespace: NamespaceState) -> Bool {
    guard let wanted = waiting.rank(of: namespace) else { return empty.contains(namespace) }
    return empty.contains(namespace) != (namespace.memory.steps == 0)
      || wanted <= namespace.memory.steps
  }
}

/// Steps that go on.
extension StepMemory {
  /// Takes a part for the machine's step, which holds nothing yet; false = it has to wait, and its
  /// namespace with it. In a paused namespace nothing is shown to anybody, and needs nothing.
  mutating func reserve(_ part: Part, _ machine: ResidentMachine) -> Bool {
    guard let step = machine.running else {
      assertionFailure("only a step that runs takes memory")
      return false
    }
    assert(step.share.held == 0, "a step that takes a part holds nothing yet")
    let namespace = machine.namespace
    let isShown = step.operation.showsHistory && namespace.settings.pause == nil
    let room = part == .small ? smallPart : LoadRequest.maximumHistoryBytes
    let wanted = isShown ? room : 0
    let held = namespace.memory.steps
    if wanted > 0, held + wanted > free {
      guard mayBeException(namespace) else {
        waiting.set(namespace, at: held + wanted, ())
        if held == 0 { empty.append(namespace) }
        return false
      }
      exception = step.id
    }
    stopWaiting(namespace)
    step.share.allowed = part == .large ? LoadRequest.maximumHistoryBytes : wanted
    hold(wanted, machine)
    return true
  }

  /// Nobody overtakes a namespace that waits for the same.
  private func mayBeException(_ namespace: NamespaceState) -> Bool {
    exception == nil && namespace.memory.steps == 0 && (empty.first ?? namespace) == namespace
  }

  /// The namespace has no step any more that only memory keeps waiting.
  mutating func stopWaiting(_ namespace: NamespaceState) {
    waiting.remove(namespace)
    empty.remove(namespace)
    assert(empty.count <= waiting.count, "who has nothing and wants some waits")
  }

  /// The machine's step holds so many bytes from now on, beside its request when that is answered.
  mutating func hold(_ bytes: Int, _ machine: ResidentMachine) {
    guard let step = machine.running else {
      return assertionFailure("only a step that runs holds bytes")
    }
    assert(bytes >= 0, "a step holds no less than nothing")
    let before = step.share.held
    step.share.held = bytes + step.share.unheard
    change(machine.namespace, by: step.share.held - before, isAside: step.isAside)
  }

  /// The request of the machine's step is answered before the step is over: its bytes are the
  /// step's.
  mutating func holdRequest(_ bytes: Int, _ machine: ResidentMachine) {
    guard let step = machine.running else {
      return assertionFailure("only a step that runs holds its request")
    }
    assert(step.share.unheard == 0 || step.isAside, "a request is answered once")
    // Of a step that stands aside they are in what it holds already.
    let own = step.share.held - step.share.unheard
    step.share.unheard = bytes
    hold(own, machine)
  }

  /// The step holds nothing, and is no exception any more, but will want something again.
  mutating func giveBack(_ machine: ResidentMachine) {
    assert(machine.running?.hasBegun == false, "what has begun is not read again")
    hold(0, machine)
    if let step = machine.running { endException(step) }
  }

  /// The step is over, or begins anew. It is not the machine's running one any longer.
  mutating func release(_ step: RunningStep, _ namespace: NamespaceState) {
    assert(step.share.held >= step.share.unheard, "a request is part of what its step holds")
    change(namespace, by: -step.share.held, isAside: step.isAside)
    endException(step)
  }

  private mutating func endException(_ step: RunningStep) {
    if exception == step.id { exception = nil }
  }

  /// The one place where what steps hold is counted.
  private mutating func change(
    _ namespace: NamespaceState, by difference: Int, isAside: Bool
  ) {
    guard difference != 0 else { return }
    if isAside {
      namespace.memory.aside += difference
      asideBytes += difference
      assert(asideBytes >= 0 && namespace.memory.aside >= 0, "more is given back than was aside")
      return
    }
    namespace.memory.steps += difference
    bytes += difference
    assert(bytes >= 0 && namespace.memory.steps >= 0, "more is given back than steps held")
    guard let wanted = waiting.rank(of: namespace) else { return }
    waiting.set(namespace, at: wanted + difference, ())
    if namespace.memory.steps == 0 { empty.append(namespace) } else { empty.remove(namespace) }
  }
}

/// What the database cannot write now.
extension StepMemory {
  /// Whether so many bytes more have room among what cannot be written now. As elsewhere a
  /// namespace has no more than it leaves free; but one record has room in any case.
  func hasRoomAside(_ bytes: Int, _ namespace: NamespaceState) -> Bool {
    let free = max(0, asideLimit - asideBytes)
    return bytes == 0 || asideBytes == 0 || namespace.memory.aside + bytes <= free
  }

  /// The machine's notification is kept, until `releaseKept`.
  mutating func keep(_ notification: QueuedNotification, _ machine: ResidentMachine) {
    // It was kept before, and could not be written now either.
    guard machine.kept.bytes == 0 else { return }
    assert(machine.enqueuesInFlight > 0, "a notification that is kept is on its way")
    machine.kept.bytes = notification.bytes
    change(machine.namespace, by: notification.bytes, isAside: true)
  }

  /// No notification of the machine is kept any more.
  mutating func releaseKept(_ machine: ResidentMachine) {
    assert(machine.kept.bytes >= 0, "a notification takes no less than nothing")
    change(machine.namespace, by: -machine.kept.bytes, isAside: true)
    machine.kept.bytes = 0
  }

  /// What the machine's step holds counts apart from now on; false = there is no room for it.
  mutating func setAside(_ machine: ResidentMachine) -> Bool {
    guard let step = machine.running, !step.isAside else { return true }
    assert(step.share.held >= step.share.unheard, "a request is part of what its step holds")
    let namespace = machine.namespace
    // What its client sent will be the step's alone some time, when nobody asks for room.
    let unheard = step.request?.heapBytes ?? 0
    let bytes = step.share.held - step.share.unheard + unheard
    guard hasRoomAside(bytes, namespace) else { return false }
    endException(step)
    change(namespace, by: -step.share.held, isAside: false)
    change(namespace, by: bytes, isAside: true)
    step.share.unheard = unheard
    step.share.held = bytes
    step.share.isAside = true
    return true
  }
}

extension RunningStep {
  /// What its history takes, read or not in memory by itself.
  var bytesOfHistory: Int {
    (history.events ?? []).reduce(0) { $0 + HistoryWindow.bytes(of: $1) }
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
