import MachineModel

/// Import: a machine appears as it was elsewhere, with one commit and without a word to its
/// processor. What it was about to do there it does here: a timer fires, due ones at once, its
/// queue is delivered, and what is failed can be repaired.
///
/// Nobody is taken for a principal because a file says so: who failed or paused it elsewhere was
/// seen there, and not here. Here it is paused by who imports it.
struct ImportStep: StepOperation {
  let machine: ImportedMachine
  /// Who asks: what its timer and its notifications do from now on, they do for them.
  let principal: String?

  /// No processor has answered for it: what cannot be written now is not kept, who asks may again.
  var isKept: Bool { false }

  var counted: NamespaceCounts.Step? { .importMachine }
  var recordedKind: StepKind? { .importMachine }

  func begin(_ view: StepView) -> Beginning {
    if view.row != nil { return .answer(.error(.machineAlreadyExists(view.id))) }
    let limit = Int(view.settings.limits.notifications ?? Limits.defaultNotifications)
    if machine.notifications.count > limit {
      return .decided(.refuse(.tooManyNotifications(machine.notifications.count, limit)))
    }
    guard let key = view.nextSerial(), let timer = timer(view), let queue = queue(view) else {
      return .decided(.refuse(.serialsUsedUp(view.shard)))
    }
    var changed = Changed(row(MachineKey(key), timer, view))
    changed.events = machine.events
    changed.auxChanged = true
    changed.charge = machine.charge
    return .write(.created(changed, queue: queue), .imported)
  }

  private func row(_ key: MachineKey, _ timer: TimerRow?, _ view: StepView) -> MachineRow {
    let head = machine.head
    var (failure, pause) = (head.failure, head.pause)
    failure?.principal = nil
    pause?.principal = principal
    return MachineRow(
      key: key, shard: view.shard, namespace: view.namespace, machine: view.id,
      // The pause is written on top of the row.
      version: head.pause == nil ? 1 : 2,
      createdAt: head.createdAt, lastEventID: Int64(machine.events.count),
      lastEventAt: machine.events.last?.createdAt ?? head.createdAt,
      auxState: head.auxState.flatMap { $0.isEmpty ? nil : $0 }, failure: failure,
      repairedAt: head.failure == nil && head.since != head.createdAt ? head.since : nil,
      pause: pause, timer: timer,
      notificationCount: Int32(clamping: machine.notifications.count), due: nil,
      waitingFor: head.waitingFor)
  }

  /// Nil = it has one, and there is no number for it.
  private func timer(_ view: StepView) -> TimerRow?? {
    guard let timer = machine.head.timer else { return .some(nil) }
    guard let serial = view.nextSerial() else { return nil }
    return TimerRow(
      serial: serial, firesAt: timer.firesAt, historyRange: timer.historyRange,
      processingTimeout: timer.processingTimeout,
      context: CallerContext(timer.metadata, principal: principal), retry: timer.retry)
  }

  /// Nil = there are no numbers for it.
  private func queue(_ view: StepView) -> [QueuedNotification]? {
    var queue: [QueuedNotification] = []
    queue.reserveCapacity(machine.notifications.count)
    for notification in machine.notifications {
      guard let sequence = view.nextSerial() else { return nil }
      queue.append(
        QueuedNotification(
          sequence: sequence,
          notificationID: QueuedNotification.id(ofSequence: sequence, in: view.shard),
          args: notification.args, historyRange: notification.historyRange,
          context: CallerContext(notification.metadata, principal: principal),
          acceptedAt: notification.acceptedAt,
          retry: queue.isEmpty ? notification.retry : nil))
    }
    return queue
  }
}

extension ProgressorError {
  fileprivate static func tooManyNotifications(_ count: Int, _ limit: Int) -> ProgressorError {
    .invalidArgument(
      field: "notifications",
      "are \(count), the namespace allows \(limit) for one machine (limits.notifications)")
  }
}
