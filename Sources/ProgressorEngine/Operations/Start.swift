import MachineModel

/// Start: refuses an existing machine before the processor hears of it; a failed init leaves none.
extension Engine {
  mutating func beginStart(_ machine: ResidentMachine) {
    if machine.row != nil {
      return endUncommitted(machine, .error(.machineAlreadyExists(machine.id)))
    }
    if let pause = machine.namespace.settings.pause {
      return endUncommitted(machine, .error(.namespacePaused(pause)))
    }
    enterGate(machine)
  }

  mutating func concludeStart(
    _ machine: ResidentMachine, _ step: RunningStep, _ verdict: Verdict
  ) {
    switch verdict {
    case .success(let answer):
      if let fault = timerFault(answer) {
        return end(machine, .error(.startFailed("the answer is unusable: \(fault)")))
      }
      create(machine, step, answer)
    case .unreachable(let message), .transient(_, let message, _):
      end(machine, .error(.processorUnavailable(message)))
    case .refused(let status): end(machine, .error(.refused(status)))
    case .fatal(_, let message, _): end(machine, .error(.startFailed(message)))
    case .machineTooLarge:
      end(machine, .error(.startFailed("the arguments exceed the message limit")))
    }
  }

  private mutating func create(
    _ machine: ResidentMachine, _ step: RunningStep, _ answer: ProcessorAnswer
  ) {
    guard let serial = step.serial else { return end(machine) }
    let key = MachineKey(
      Safeguard.incarnation.isOn ? serial : Int64(ShardID(of: machine.id, shards: .max).number))
    var record = CommitRecord(
      shard: machine.shard, namespace: machine.namespace.number, machine: machine.id, key: key)
    record.idempotency = idempotencyRow(step, .started, machine)
    if answer.action.remove {
      // Made and removed in one step: nothing of it is ever seen.
      guard record.idempotency != nil else { return endUncommitted(machine, .started) }
      return write(machine, record, .nothing, .started)
    }
    let empty = MachineRow(
      key: key, shard: machine.shard, namespace: machine.namespace.number, machine: machine.id,
      version: 1, createdAt: now.wall, lastEventID: 0, lastEventAt: now.wall, auxState: nil,
      failure: nil, timer: nil, notificationCount: 0, due: nil)
    var changed = apply(
      answer, to: empty, by: step, context: step.request?.context ?? CallerContext())
    changed.row.due = changed.row.timer?.due
    record.row = .insert(changed.row)
    record.events = changed.events
    write(
      machine, record, .becomes(changed.row, events: changed.events, queue: .keep), .started)
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

  static func eventNotFound(_ after: Int64) -> ProgressorError {
    ProgressorError(.notFound, .eventNotFound, "history_range.after: there is no event \(after)")
  }
}
