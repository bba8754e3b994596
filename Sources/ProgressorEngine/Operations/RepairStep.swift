import MachineModel

/// Repair: the way back for a failed machine, as its processor decides.
struct RepairStep: StepOperation {
  let args: [UInt8]
  let range: HistoryRange?
  let key: String?
  /// Of the machine's last event; nil = whatever it is.
  let expected: Int64?
  let context: CallerContext

  var kind: StepKind? { .repair }
  var counted: NamespaceCounts.Step? { .repair }
  var tellsRemoval: Bool { true }
  var asksProcessor: Bool { true }

  func historyRange(_ view: StepView, fallback: HistoryRange) -> HistoryRange? {
    range ?? fallback
  }

  func begin(_ view: StepView) -> Beginning {
    switch view.failedRow {
    case .failure(let error): .answer(.error(error))
    case .success(let row): view.ask(row, expecting: expected, showing: range)
    }
  }

  func question(_ view: StepView, serial: Int64) -> Question? {
    view.question(.repair(args: args, key: key), serial: serial, context)
  }

  func conclude(_ verdict: Verdict, _ answered: Answered, _ view: StepView) -> Decision {
    guard let row = view.row else { return .pass }
    switch verdict {
    case .success(let answer):
      let reply = Reply.repaired(response: answer.response)
      if answer.action.remove { return .write(view.removing(answer, row, context), reply) }
      let changed = view.applying(
        answer, to: view.repaired(row), .repair, answered, context: context)
      return .write(view.working(changed), reply)
    case .unreachable(let message), .transient(_, let message, _):
      return .refuse(.processorUnavailable(message))
    case .refused(let status):
      return .refuse(.repairFailed(status.reason, details: status.details))
    case .fatal(_, let message, let details):
      return .refuse(.repairFailed(message, details: details))
    case .machineTooLarge: return .refuse(.historyTooLarge)
    }
  }
}

/// SimpleRepair: working again in one commit, without the processor.
struct SimpleRepairStep: StepOperation {
  var counted: NamespaceCounts.Step? { .simpleRepair }
  var recordedKind: StepKind? { .repair }

  func begin(_ view: StepView) -> Beginning {
    switch view.failedRow {
    case .failure(let error): .answer(.error(error))
    case .success(let row): .write(view.working(Changed(view.repaired(row))), .simplyRepaired)
    }
  }
}

extension StepView {
  fileprivate var failedRow: Result<MachineRow, ProgressorError> {
    guard let row else { return .failure(.machineNotFound(id)) }
    return row.failure == nil ? .failure(.machineAlreadyWorking) : .success(row)
  }

  /// Working again: a timeout that was pending goes on at once, its attempts counted anew.
  fileprivate func repaired(_ row: MachineRow) -> MachineRow {
    var row = row
    row.failure = nil
    row.repairedAt = now.wall
    row.timer?.retry = nil
    return row
  }

  /// What was pending in the queue goes on as well.
  fileprivate func working(_ changed: Changed) -> Change {
    guard var head, head.retry != nil else { return .updated(changed) }
    head.retry = nil
    return .updated(changed, queue: .rescheduled(head))
  }
}

extension ProgressorError {
  static let machineAlreadyWorking = ProgressorError(
    .failedPrecondition, .machineAlreadyWorking, "the machine is not failed")

  static func repairFailed(_ message: String, details: [[UInt8]] = []) -> ProgressorError {
    ProgressorError(.aborted, .repairFailed, message, details: details)
  }
}
