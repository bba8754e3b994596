import MachineModel

/// The delivery of a notification: always the head of the queue, so that order is kept (I5).
extension Engine {
  mutating func beginDelivery(_ machine: ResidentMachine) {
    guard let row = machine.row, row.runsByItself, machine.namespace.settings.pause == nil,
      let head = machine.notifications.head, (head.retry?.nextAttemptAt ?? .earliest) <= now.wall
    else { return end(machine) }
    if machine.running?.historyTooLarge == true {
      return failTooLarge(machine, .notification, attempts: (head.retry?.attempt ?? 0) + 1)
    }
    enterGate(machine)
  }

  func deliveryPlan(_ step: RunningStep, _ machine: ResidentMachine) -> InvocationPlan? {
    guard let row = machine.row, row.failure == nil, let head = machine.notifications.head else {
      return nil
    }
    return InvocationPlan(
      attempt: (head.retry?.attempt ?? 0) + 1,
      stimulus: .signal(
        .notification(args: head.args, notificationID: head.notificationID)),
      machine: snapshot(machine, row, step), token: "n-\(head.notificationID)",
      timeout: machine.namespace.processorTimeout, context: head.context)
  }

  mutating func concludeDelivery(
    _ machine: ResidentMachine, attempt: Int32, _ verdict: Verdict
  ) {
    guard let row = machine.row, var head = machine.notifications.head else {
      return end(machine)
    }
    switch verdict {
    case .success(let answer):
      if let fault = timerFault(answer) {
        return fail(
          machine, .notification, code: .internal,
          reason: "the processor's answer is unusable: \(fault)", attempts: attempt, reply: nil)
      }
      if answer.action.remove { return commitRemoval(machine, row, reply: nil) }
      let changed = apply(answer, to: row, by: machine.running, context: head.context)
      commit(machine, changed, reply: nil, queue: .delivered)
    case .unreachable: endpointIsDown(machine)
    case .transient(let code, let message, let reasons):
      guard
        let retry = retry(
          machine, attempt: attempt, code: code, message: message, reasons: reasons)
      else {
        return fail(
          machine, .notification, code: code, reason: message, attempts: attempt, reply: nil)
      }
      head.retry = retry
      commit(
        machine, Changed(row: row, events: [], auxChanged: false), reply: nil,
        queue: .rescheduled(head))
    case .refused(let status):
      fail(
        machine, .notification, code: status.code, reason: status.reason, attempts: attempt,
        reply: nil)
    case .fatal(let code, let message, _):
      fail(machine, .notification, code: code, reason: message, attempts: attempt, reply: nil)
    case .machineTooLarge: failTooLarge(machine, .notification, attempts: attempt)
    }
  }
}
