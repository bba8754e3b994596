import MachineModel

/// Notify: accepted in every status, without waiting for the step that runs; delivered later.
extension Engine {
  /// Accepts, or reads what is needed to know whether the machine exists.
  mutating func notify(_ id: RequestID, _ machine: ResidentMachine) {
    guard let pending = requests[id] else {
      return assertionFailure("only who is not answered is put to work")
    }
    assert(!pending.isBeingRead && !pending.isEnqueued, "a notification is put to work once")
    if machine.isUnknown || pending.key != nil {
      var load = LoadRequest(
        id: LoadID(nextNumber()), shard: machine.shard.id, namespace: machine.namespace.number,
        machine: machine.id, row: machine.isUnknown, idempotencyKey: pending.key?.key)
      if load.row { load.notificationsAfter = 0 }
      send(load, for: .notify(machine, id))
    } else {
      accept(id, machine)
    }
  }

  mutating func notifyLoaded(
    _ machine: ResidentMachine, _ id: RequestID, _ result: Result<Loaded, ReadFailure>
  ) {
    // Its caller was answered meanwhile.
    guard let pending = requests[id] else { return }
    assert(!machine.waitingNotifies.contains(id), "what waits for a step was read before")
    switch result {
    case .failure(let failure): answer(id, .error(failure.error))
    case .success(let loaded) where loaded.damage != nil && machine.row == nil:
      answer(id, .error(.damaged(loaded.damage)))
    case .success(let loaded):
      if let row = loaded.idempotency, let key = pending.key, Safeguard.idempotency.isOn {
        return answer(
          id,
          ownership.isTrusted(at: now.uptime) ? row.reply(to: key.fingerprint) : .error(.notOwner))
      }
      if let key = pending.key { confirm(key.key, owner: id, machine) }
      accept(id, machine)
    }
  }

  /// The requests that a Start or a Remove before them held up.
  mutating func retryNotifies(_ machine: ResidentMachine) {
    guard !machine.waitingNotifies.isEmpty else { return }
    for id in machine.takeWaitingNotifies() {
      assert(requests[id]?.machine === machine, "who waits for a step is not answered")
      accept(id, machine)
    }
  }

  mutating func accept(_ id: RequestID, _ machine: ResidentMachine) {
    // Its caller was answered meanwhile.
    guard let pending = requests[id], case .notification(let notice) = pending.work else { return }
    assert(!pending.isEnqueued, "a notification is accepted once")
    guard ownership.isTrusted(at: now.uptime), !machine.isDropped else {
      return answer(id, .error(.notOwner))
    }
    if isRemoving(machine) || (machine.row == nil && machine.running != nil) {
      machine.waitToNotify(id)
      return
    }
    guard let row = machine.row else {
      return notice.start == nil
        ? answer(id, .error(.machineNotFound(machine.id))) : open(pending, machine)
    }
    if let error = row.staleness(pending.request.expectedLastEventID) {
      return answer(id, .error(error))
    }
    guard
      machine.notifications.count + machine.enqueuesInFlight < machine.namespace.notificationLimit
    else {
      machine.namespace.counts.count(.notifications)
      return answer(id, .error(.overloaded("too many notifications are queued on the machine")))
    }
    // What waits for a step that cannot be written now would wait without a bound.
    if writers[machine.shard].isDelayed || writers[machine.shard].holds(machine) {
      return answer(id, .error(.storageUnavailable))
    }
    enqueue(pending, machine, row, args: notice.args, range: notice.range)
  }

  /// There is no machine, and no step that might make one: the notification's own start waits its
  /// turn.
  private mutating func open(_ pending: PendingRequest, _ machine: ResidentMachine) {
    guard machine.mailbox.requestCount < max(machine.namespace.mailboxLimit, 1) else {
      machine.namespace.counts.count(.mailbox)
      return answer(
        pending.request.id, .error(.overloaded("too many requests wait on the machine")))
    }
    assert(machine.row == nil && machine.running == nil, "only what is not there is opened")
    pending.open()
    enter(pending.request.id, machine)
  }

  private mutating func enqueue(
    _ pending: PendingRequest, _ machine: ResidentMachine, _ row: MachineRow, args: [UInt8],
    range: HistoryRange?
  ) {
    guard let sequence = machine.shard.nextSerial() else {
      return answer(pending.request.id, .error(.serialsUsedUp(machine.shard.id)))
    }
    let id = QueuedNotification.id(ofSequence: sequence, in: machine.shard.id)
    let notification = QueuedNotification(
      sequence: sequence, notificationID: id, args: args, historyRange: range,
      context: pending.request.context, acceptedAt: now.wall,
      origin: pending.request.sender.map { .machine($0) } ?? .client)
    var record = CommitRecord(
      shard: machine.shard.id, namespace: machine.namespace.number, machine: machine.id,
      key: row.key, row: .requeue(due: machine.hasQueue ? nil : now.wall),
      enqueued: [notification])
    if let key = pending.key {
      record.idempotency = IdempotencyRow(
        key: key.key, fingerprint: key.fingerprint,
        reply: .notified(notificationID: notification.notificationID),
        expiresAt: now.wall.advanced(byMicroseconds: machine.namespace.retention(of: key.key)))
    }
    if configuration.namesCauses { record.cause = pending.request.context }
    machine.enqueueBegan(sequence)
    pending.isEnqueued = true
    assert(
      machine.notifications.count + machine.enqueuesInFlight
        <= machine.namespace.notificationLimit, "a machine's queue has its bound")
    machine.namespace.longestQueue.record(
      machine.notifications.count + machine.enqueuesInFlight, at: now.uptime)
    writers[machine.shard].add(
      record, from: .notification(machine, notification, pending.request.id))
  }

  /// It is being written that the machine is removed.
  func isRemoving(_ machine: ResidentMachine) -> Bool {
    if case .removed? = machine.running?.writing?.application { true } else { false }
  }
}
