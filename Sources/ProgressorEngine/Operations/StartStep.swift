import MachineModel

/// Start: refuses an existing machine before the processor hears of it; a failed init leaves none.
struct StartStep: StepOperation {
  let args: [UInt8]
  let context: CallerContext

  var kind: StepKind? { .start }
  var counted: NamespaceCounts.Step? { .start }
  var asksProcessor: Bool { true }
  var showsHistory: Bool { false }

  func begin(_ view: StepView) -> Beginning {
    if view.row != nil { return .answer(.error(.machineAlreadyExists(view.id))) }
    if let pause = view.settings.pause { return .answer(.error(.namespacePaused(pause))) }
    return .ask
  }

  func question(_ view: StepView, serial: Int64) -> Question? {
    view.question(.signal(.initialize(args: args)), serial: serial, context)
  }

  func conclude(_ verdict: Verdict, _ answered: Answered, _ view: StepView) -> Decision {
    switch verdict {
    case .success(let answer): create(answer, answered, view)
    case .unreachable(let message), .transient(_, let message, _):
      .refuse(.processorUnavailable(message))
    case .refused(let status): .refuse(.refused(status))
    case .fatal(_, let message, _): .refuse(.startFailed(message))
    case .machineTooLarge: .refuse(.startFailed("the arguments exceed the message limit"))
    }
  }

  private func create(
    _ answer: ProcessorAnswer, _ answered: Answered, _ view: StepView
  ) -> Decision {
    let key = MachineKey(
      Safeguard.incarnation.isOn
        ? answered.serial : Int64(ShardID(of: view.id, shards: .max).number))
    // Made and removed in one step: nothing of it is ever seen.
    if answer.action.remove {
      var messages = view.outgoing(answer.action, key, context)
      messages.sent.removeAll { $0.pending.deliverAt > view.now.wall }
      return .write(.nothing(key, messages), .started)
    }
    let empty = MachineRow(
      key: key, shard: view.shard, namespace: view.namespace, machine: view.id, version: 1,
      createdAt: view.now.wall, lastEventID: 0, lastEventAt: view.now.wall, auxState: nil,
      failure: nil, timer: nil, notificationCount: 0, due: nil)
    let changed = view.applying(answer, to: empty, .start, answered, context: context)
    return .write(.created(changed), .started)
  }
}

extension ProgressorError {
  static func startFailed(_ message: String) -> ProgressorError {
    ProgressorError(
      .aborted, .startFailed, "the processor could not start the machine: \(message)")
  }

  static func serialsUsedUp(_ shard: ShardID) -> ProgressorError {
    ProgressorError(
      .unavailable, .notOwner,
      "shard \(shard.number) has used up the numbers of its present owner: restart the node")
  }

  static func processorUnavailable(_ message: String) -> ProgressorError {
    ProgressorError(.unavailable, .processorUnavailable, message)
  }

  /// A refusal passes through as the processor sent it.
  static func refused(_ status: ProcessorStatus) -> ProgressorError {
    ProgressorError(status.code, .processorRefused, status.message, details: status.details)
  }

  static let historyTooLarge = ProgressorError(
    .resourceExhausted, .historyTooLarge,
    "the machine with the history asked for exceeds the message limit: ask for a range of it")

  static func eventNotFound(
    _ after: Int64, field: String = "history_range.after"
  ) -> ProgressorError {
    ProgressorError(.notFound, .eventNotFound, "\(field): there is no event \(after)")
  }
}
