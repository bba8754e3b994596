import MachineModel

/// The delivery of a notification: always the head of the queue, so that order is kept (I5).
struct DeliveryStep: StepOperation {
  var kind: StepKind? { .notification }
  var counted: NamespaceCounts.Step? { .notification }
  var asksProcessor: Bool { true }

  func historyRange(_ view: StepView, fallback: HistoryRange) -> HistoryRange? {
    view.head.map { $0.historyRange ?? fallback }
  }

  func begin(_ view: StepView) -> Beginning {
    guard let row = view.row, row.runsByItself, view.settings.pause == nil, let head = view.head,
      (head.retry?.nextAttemptAt ?? .earliest) <= view.now.wall
    else { return .pass }
    if view.historyTooLarge {
      return .decided(
        view.failingTooLarge(
          row, .notification, attempts: head.nextAttempt, name: head.name))
    }
    return .ask
  }

  func question(_ view: StepView, serial: Int64) -> Question? {
    guard let row = view.row, row.failure == nil, let head = view.head else { return nil }
    return Question(
      stimulus: .signal(head.signal),
      machine: view.shown(row), attempt: head.nextAttempt, token: StepToken.notification(head),
      timeout: view.processorTimeout, context: head.context)
  }

  func conclude(_ verdict: Verdict, _ answered: Answered, _ view: StepView) -> Decision {
    guard let row = view.row, var head = view.head else { return .pass }
    switch verdict {
    case .success(let answer):
      if answer.action.remove { return .write(view.removing(answer, row, head.context), nil) }
      let changed = view.applying(answer, to: row, .notification, answered, context: head.context)
      return .write(.updated(changed, queue: .delivered), nil)
    case .unreachable: return .awaitEndpoint
    case .transient(let code, let message, let advice):
      guard let retry = view.retry(answered, code: code, message: message, advice) else {
        return view.failing(
          row, .notification, code: code, reason: message, attempts: answered.attempt)
      }
      head.retry = retry
      return .write(.updated(Changed(row), queue: .rescheduled(head)), nil)
    case .refused(let status):
      return view.failing(
        row, .notification, code: status.code, reason: status.reason, attempts: answered.attempt)
    case .fatal(let code, let message, _):
      return view.failing(
        row, .notification, code: code, reason: message, attempts: answered.attempt)
    case .machineTooLarge:
      return view.failingTooLarge(row, .notification, attempts: answered.attempt)
    }
  }

  func meetDamage(_ damage: String, of row: MachineRow, _ view: StepView) -> Decision {
    view.condemning(row, .notification, damage, view.head?.name)
  }
}

extension QueuedNotification {
  /// As its processor is told.
  fileprivate var signal: Signal {
    switch origin {
    case .client: .notification(args: args, notificationID: notificationID)
    case .machine(let sender):
      .notification(args: args, notificationID: notificationID, sender: sender)
    case .undelivered(let target, let name, let code, let reason):
      .undelivered(
        UndeliveredMessage(target: target, name: name, code: code, reason: reason, args: args))
    }
  }

  /// The same in every attempt of its delivery.
  fileprivate var name: StepName {
    StepName(token: StepToken.notification(self), principal: context.principal)
  }

  fileprivate var nextAttempt: Int32 { Int32(clamping: Int64(retry?.attempt ?? 0) + 1) }
}
