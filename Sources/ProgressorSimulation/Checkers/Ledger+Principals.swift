import MachineModel
import ProgressorEngine

/// A step carries who asked for it, across every crash: a timeout has who asked for the step that
/// set its timer, a delivery who sent the notification. Clients are called after their requests.
extension Ledger {
  /// A processor is told of who asked.
  func carriesPrincipal(
    _ invocation: Invocation, _ record: InvocationRecord, _ stored: StoredMachine?
  ) throws(Violation) {
    var expected = record.tag.flatMap { principal(of: $0) }
    switch invocation.stimulus {
    case .signal(.timeout): expected = stored?.row.timer?.context.principal
    case .signal(.notification(let args, _, _)): expected = principal(in: args)
    case .signal(.undelivered(let message)): expected = principal(in: message.args)
    case .signal(.initialize), .call, .repair: break
    }
    try require(
      invocation.context.principal == expected, .principals,
      "\(record.machine): a \(record.kind) of \(expected ?? "nobody") is said to be asked for by "
        + "\(invocation.context.principal ?? "nobody")")
  }

  /// What is kept for later has who asked, and so has a failure.
  func keepsPrincipal(_ applied: AppliedRecord, _ step: InvocationRecord?) throws(Violation) {
    let record = applied.record
    for notification in record.enqueued {
      try require(
        notification.context.principal == principal(in: notification.args), .principals,
        "\(record.machine): a notification is stored as another one's")
    }
    let before = applied.before
    if let timer = applied.after?.timer, timer.serial != before?.timer?.serial, let step {
      try require(
        timer.context.principal == step.principal, .principals,
        "\(record.machine): a timer is stored as set by another one than asked for the step")
    }
    guard before?.failure == nil, let failure = applied.after?.failure else { return }
    if case .condemn = record.row { return }
    let expected: String?
    switch failure.stepKind {
    case .timeout: expected = before?.timer?.context.principal
    case .notification: expected = applied.head?.context.principal
    case .start, .call, .repair, .dropNotification, .importMachine, .dropMessage, .retryMessage:
      return
    }
    try require(
      failure.principal == expected && !failure.step.isEmpty, .principals,
      "\(record.machine): a failed \(failure.stepKind) of \(expected ?? "nobody") is noted as "
        + "\(failure.step) of \(failure.principal ?? "nobody")")
  }
}
