import MachineModel

/// The fifth stretch of a step's way: its batch is durable, so what it wrote becomes true in
/// memory. That is its end: `Step/End`. What else the database may say of a batch is in
/// `Commit/Refusals`.
extension Engine {
  mutating func committed(_ id: BatchID) {
    // An answer may come twice.
    guard let place = writers.place(of: id) else { return }
    assert(writers[place].sentAt <= now.uptime, "a batch is durable after it was sent")
    let entries = writers[place].ended(.written, at: now.uptime)
    counts.commitDurations.add(now.uptime.saturatingAdd(-writers[place].sentAt))
    // In the database's order: of the due times of a step and of a notification in one batch the
    // earlier one stays.
    for entry in entries where entry.isStep { committed(entry) }
    for entry in entries where !entry.isStep { committed(entry) }
  }

  private mutating func committed(_ entry: GroupCommit.Pending) {
    if !messageLoads.isEmpty, entry.record.forgotten != nil {
      removals.add(entry.record, number: nextNumber())
    }
    switch entry.origin {
    case .step(let machine, let step):
      // It was let go of meanwhile: whoever reads it sees what is durable.
      guard !machine.isDropped else { return }
      guard machine.running?.id == step else {
        return assertionFailure("a step that was written is its machine's")
      }
      apply(machine)
    case .notification(let machine, let notification, let request):
      // It was let go of meanwhile: whoever reads it sees what is durable.
      guard !machine.isDropped else { return }
      machine.enqueueEnded(notification)
      stepMemory.releaseKept(machine)
      releaseUnheard(notification, request, entry.record, machine)
      if let row = machine.changed([notification], entry.record.requeued) {
        residency.charge(machine)
        waits.changed(machine, row)
      }
      conclude(
        request, key: entry.record.idempotency?.key,
        .notified(notificationID: notification.notificationID), machine)
      becomeDue(machine)
      becameIdle(machine)
    case .message(let machine, let end):
      guard machine.isDropped else { return settled(end, entry.record, machine) }
      // Who was read meanwhile may have read that it can still be cancelled.
      if entry.record.messageCounts.pending < 0, let next = residency[machine.id],
        next.row?.key == entry.record.key
      {
        next.outbox.remove(end.message.number)
      }
      outlived(end)
    }
  }

  /// Makes true in memory what became true in the database, and answers.
  private mutating func apply(_ machine: ResidentMachine) {
    guard let step = machine.running, let writing = step.writing else {
      return assertionFailure("a step is committed that was written")
    }
    damagePauses.forget(machine.id)
    switch writing.application {
    case .nothing:
      for message in writing.messages.sent { sent(message) }
      if case .error? = writing.reply {
        count(.refused, machine)
      } else {
        count(.committed, machine)
      }
    case .becomes(var row, let events, let queue):
      // Notifications accepted meanwhile count themselves.
      let before = machine.row?.notificationCount ?? 0
      row.notificationCount = before
      row.pendingMessages = (machine.row?.pendingMessages ?? 0) + Int32(writing.messages.growth)
      row.undeliveredMessages =
        (machine.row?.undeliveredMessages ?? 0) + Int32(writing.messages.undelivered)
      if queue.takesOneOut { row.notificationCount -= 1 }
      if case .arrived(let all) = queue { row.notificationCount += Int32(clamping: all.count) }
      count(outcome(row, queue, machine), machine)
      machine.becomes(row, events, queue)
      outgoing(writing.messages, machine, row.key)
      if let failure = row.failure { answerQueuedCalls(machine, failure) }
      waits.changed(machine, row)
    case .removed:
      count(.committed, machine)
      schedule.remove(machine.id, machine.namespace, now)
      let key = machine.row?.key
      machine.removed()
      if let key { outgoing(writing.messages, machine, key) }
      waits.removed(machine)
    case .condemned(let failure):
      waits.condemned(machine)
      if let id = step.requestID, let reply = writing.reply {
        conclude(id, key: step.key?.key, reply, machine)
      }
      answerQueuedCalls(machine, failure)
      return drop(machine, .storageUnavailable)
    }
    if let reply = writing.reply { end(machine, reply) } else { end(machine) }
  }

  /// What a step made of its machine, for statistics.
  private func outcome(
    _ row: MachineRow, _ queue: QueueChange, _ machine: ResidentMachine
  ) -> NamespaceCounts.Result {
    if row.failure != nil { return machine.row?.failure == row.failure ? .committed : .failed }
    if case .rescheduled = queue { return .retried }
    let isRetry = machine.running?.item == .timeout && row.timer?.retry != nil
    return isRetry ? .retried : .committed
  }

  /// A machine fails: calls that wait on it hear so at once. One with a key may have its reply.
  private mutating func answerQueuedCalls(_ machine: ResidentMachine, _ failure: Failure) {
    for id in machine.mailbox.takeMortal() {
      assert(requests[id].map { $0.key == nil } ?? false, "who has a key is not answered for it")
      answer(id, .error(.machineFailed(failure.reason)))
    }
  }
}
