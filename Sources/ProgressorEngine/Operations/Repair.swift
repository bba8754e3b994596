import MachineModel

/// Repair and SimpleRepair: the way back for a failed machine, with or without its processor.
extension Engine {
  mutating func beginRepair(_ machine: ResidentMachine, _ range: HistoryRange?) {
    guard let row = failedRow(machine) else { return }
    if let error = pauseError(machine, row) { return endUncommitted(machine, .error(error)) }
    if let range, range.direction == .forward, range.after > row.lastEventID {
      return endUncommitted(machine, .error(.eventNotFound(range.after)))
    }
    if machine.running?.historyTooLarge == true {
      return endUncommitted(machine, .error(.historyTooLarge))
    }
    enterGate(machine)
  }

  mutating func beginSimpleRepair(_ machine: ResidentMachine) {
    guard let row = failedRow(machine) else { return }
    commitRepaired(
      machine, Changed(row: row, events: [], auxChanged: false), reply: .simplyRepaired)
  }

  mutating func concludeRepair(
    _ machine: ResidentMachine, _ step: RunningStep, _ verdict: Verdict
  ) {
    guard let row = machine.row else { return end(machine) }
    switch verdict {
    case .success(let answer):
      if let fault = timerFault(answer) {
        return end(machine, .error(.repairFailed("the answer is unusable: \(fault)")))
      }
      let reply = Reply.repaired(response: answer.response)
      if answer.action.remove { return commitRemoval(machine, row, reply: reply) }
      let changed = apply(
        answer, to: row, by: step, context: step.request?.context ?? CallerContext())
      commitRepaired(machine, changed, reply: reply)
    case .unreachable(let message), .transient(_, let message, _):
      end(machine, .error(.processorUnavailable(message)))
    case .refused(let status):
      end(machine, .error(.repairFailed(status.reason, details: status.details)))
    case .fatal(_, let message, let details):
      end(machine, .error(.repairFailed(message, details: details)))
    case .machineTooLarge: end(machine, .error(.historyTooLarge))
    }
  }

  /// The machine's row if it is failed; else the step ends.
  private mutating func failedRow(_ machine: ResidentMachine) -> MachineRow? {
    guard let row = machine.row else {
      endUncommitted(machine, .error(.machineNotFound(machine.id)))
      return nil
    }
    guard row.failure != nil else {
      endUncommitted(machine, .error(.machineAlreadyWorking))
      return nil
    }
    return row
  }

  /// Working again: what was pending goes on at once, its attempts counted anew.
  private mutating func commitRepaired(
    _ machine: ResidentMachine, _ changed: Changed, reply: Reply
  ) {
    var changed = changed
    changed.row.failure = nil
    changed.row.timer?.retry = nil
    var queue = QueueChange.keep
    if var head = machine.notifications.head, head.retry != nil {
      head.retry = nil
      queue = .rescheduled(head)
    }
    commit(machine, changed, reply: reply, queue: queue)
  }
}

extension ProgressorError {
  static let machineAlreadyWorking = ProgressorError(
    .failedPrecondition, .machineAlreadyWorking, "the machine is not failed")

  static func repairFailed(_ message: String, details: [[UInt8]] = []) -> ProgressorError {
    ProgressorError(.aborted, .repairFailed, message, details: details)
  }
}
