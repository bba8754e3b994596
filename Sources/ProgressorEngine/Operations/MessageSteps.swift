import MachineModel

/// DropMessage: takes a message of the machine out, one that is pending or can never be delivered,
/// whatever the machine's status is.
struct DropMessageStep: StepOperation {
  let message: Int64?

  init(message: Int64) { self.message = message }

  var counted: NamespaceCounts.Step? { .drop }
  var recordedKind: StepKind? { .dropMessage }
  var isUrgent: Bool { true }

  func begin(_ view: StepView) -> Beginning {
    switch view.soughtMessage(message) {
    case .failure(let error): return .answer(.error(error))
    case .success(let (row, pending)):
      var changed = Changed(row)
      if pending.nextAttemptAt == nil {
        changed.messages.dropped = [pending.number]
      } else {
        changed.messages.cancelled = [pending.number]
      }
      return .write(.updated(changed), .messageDropped)
    }
  }
}

/// RetryMessage: a message of the machine is tried now, one that could never be delivered once
/// more, another before its time.
struct RetryMessageStep: StepOperation {
  let message: Int64?

  init(message: Int64) { self.message = message }

  var counted: NamespaceCounts.Step? { .retryMessage }
  var recordedKind: StepKind? { .retryMessage }
  var isUrgent: Bool { true }

  func begin(_ view: StepView) -> Beginning {
    switch view.soughtMessage(message) {
    case .failure(let error): return .answer(.error(error))
    case .success((let row, var pending)):
      if let name = pending.message.name, let other = view.pendingMessage(name),
        other != pending.number
      {
        return .answer(.error(.messageReplaced(pending.number, by: other)))
      }
      var changed = Changed(row)
      changed.messages.wasParked = pending.nextAttemptAt == nil
      pending.nextAttemptAt = view.now.wall
      pending.deliverAt = min(pending.deliverAt, view.now.wall)
      changed.messages.retried = pending
      return .write(.updated(changed), .messageRetried)
    }
  }
}

extension StepView {
  /// The message that the step is about, and its machine; or why there is nothing to do.
  fileprivate func soughtMessage(
    _ number: Int64?
  ) -> Result<(MachineRow, PendingMessage), ProgressorError> {
    guard let row else { return .failure(.machineNotFound(id)) }
    guard let pending = soughtMessage else { return .failure(.messageNotFound(number ?? 0)) }
    if isUnderWay { return .failure(.messageOnItsWay(pending.number)) }
    return .success((row, pending))
  }
}

extension ProgressorError {
  fileprivate static func messageNotFound(_ number: Int64) -> ProgressorError {
    ProgressorError(
      .notFound, .messageNotFound,
      "number: the machine has no message \(number), or it was delivered meanwhile")
  }

  fileprivate static func messageOnItsWay(_ number: Int64) -> ProgressorError {
    ProgressorError(
      .aborted, .messageUnderWay, "message \(number) is just being delivered: ask again")
  }

  fileprivate static func messageReplaced(_ number: Int64, by other: Int64) -> ProgressorError {
    ProgressorError(
      .failedPrecondition, .messageReplaced,
      "message \(number) has the name of message \(other), which is pending: drop one of them")
  }
}
