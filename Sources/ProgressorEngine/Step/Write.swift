import MachineModel

/// The fourth stretch of a step's way: what it changes becomes a record for the database, and is
/// handed to the writer of its machine's shard, which takes it into a batch: `Commit/GroupCommit`.
extension Engine {
  /// Writes what a step changes, and what is recorded of it; `reply` is given when it is durable.
  ///
  /// - Parameter said: What the processor said instead of an answer.
  mutating func write(
    _ change: Change, _ machine: ResidentMachine, _ reply: Reply?, _ said: Complaint?
  ) {
    guard let step = machine.running else {
      return assertionFailure("only a step that runs writes something")
    }
    assert(step.writing == nil || step.wasRefused, "a step writes again what was refused alone")
    let idempotency = reply.flatMap { idempotencyRow(step, $0, machine) }
    var tracing = traced(
      change, by: step, of: machine, said, reply, isKept: idempotency != nil)
    if case .nothing(_, let messages) = change, messages.isEmpty, idempotency == nil,
      tracing == nil
    {
      return reply.map { endUncommitted(machine, $0) } ?? end(machine)
    }
    if tracing?.record.sequence == 0 {
      guard let serial = machine.shard.nextSerial() else {
        return abandon(machine, .serialsUsedUp(machine.shard.id))
      }
      tracing?.record.sequence = serial
    }
    guard let (made, application) = record(of: change, machine) else {
      return abandon(machine, Engine.unwritable(change), pause: nextDamagePause(machine))
    }
    var record = made
    guard number(&record.sent, machine) else {
      return abandon(machine, .serialsUsedUp(machine.shard.id))
    }
    if machine.outbox.cancel(change.messages.cancelled, dueAfter: record.forgotten) {
      self.messages.rescan(now)
    }
    record.idempotency = idempotency
    record.traced = tracing
    record.feed = feed(of: change, machine)
    record.news = MachineNews(change, machine, step)
    if configuration.namesCauses { record.cause = context(of: step, machine) }
    if case .condemned = change {
      // If the database refuses even this, the machine is let go and read again later.
      step.refuse()
    }
    var messages = change.messages
    messages.sent = record.sent
    commit(machine, record, application, messages, reply)
  }

  /// Of a row that can have no further version: it cannot even be told to be damaged.
  private static func unwritable(_ change: Change) -> ProgressorError {
    if case .condemned(_, let failure) = change {
      return ProgressorError(.internal, .dataDamaged, failure.reason)
    }
    return .damaged("its version is the last there is")
  }

  /// Gives messages their numbers; false = the shard has none left.
  private func number(_ messages: inout [MessageRow], _ machine: ResidentMachine) -> Bool {
    for index in messages.indices {
      guard let number = machine.shard.nextSerial() else { return false }
      messages[index].ref.number = number
      messages[index].pending.number = number
    }
    return true
  }

  /// nil = the row can have no further version.
  private func record(
    of change: Change, _ machine: ResidentMachine
  ) -> (CommitRecord, Application)? {
    var record = CommitRecord(
      shard: machine.shard.id, namespace: machine.namespace.number, machine: machine.id,
      key: change.key)
    let messages = change.messages
    record.sent = messages.sent
    record.takenOut = messages.cancelled + messages.dropped
    record.postponed = messages.retried
    switch change {
    case .nothing: return (record, .nothing)
    case .created(var changed, let queue):
      assert(machine.row == nil, "a machine is made that is not there")
      changed.row.due = machine.due(row: changed.row, head: queue.first, now: now)
      record.row = .insert(changed.row)
      record.charge = changed.charge
      record.hasNotes =
        changed.row.failure != nil || changed.row.repairedAt != nil
        || changed.row.waitingFor != nil
      record.events = changed.events
      record.enqueued = queue
      record.messageCounts = messages.difference
      return (record, .becomes(changed.row, events: changed.events, queue: .arrived(queue)))
    case .updated(let changed, let queue):
      assert(machine.row?.key == changed.row.key, "a machine keeps its key")
      guard let row = nextVersion(of: changed.row, queue, machine) else { return nil }
      record.row = .update(row, auxChanged: changed.auxChanged)
      record.hasNotes =
        row.failure != machine.row?.failure || row.waitingFor != machine.row?.waitingFor
      record.events = changed.events
      record.messageCounts = messages.difference
      switch queue {
      case .keep, .arrived: break
      case .delivered:
        assert(machine.notifications.head != nil, "what was delivered is in memory")
        record.dequeued = machine.notifications.head?.sequence
      case .dropped(let notification): record.dropped = notification
      case .rescheduled(let head): record.rescheduled = head
      }
      return (record, .becomes(row, events: changed.events, queue: queue))
    case .paused(let row):
      guard let row = nextVersion(of: row, .keep, machine) else { return nil }
      record.row = .pause(row)
      return (record, .becomes(row, events: [], queue: .keep))
    case .removed(let row, _, _):
      record.row = .delete(expectedVersion: row.version)
      if row.pendingMessages + row.undeliveredMessages > 0 {
        record.forgotten = max(now.wall, self.messages.latest)
      }
      return (record, .removed)
    case .condemned(let row, let failure):
      let (version, isLast) = row.version.addingReportingOverflow(1)
      if isLast { return nil }
      record.row = .condemn(failure, version: version)
      return (record, .condemned(failure))
    }
  }

  /// The row as it shall be, and when the machine then has something to do by itself.
  private func nextVersion(
    of row: MachineRow, _ queue: QueueChange, _ machine: ResidentMachine
  ) -> MachineRow? {
    var row = row
    let (version, isLast) = row.version.addingReportingOverflow(1)
    if isLast { return nil }
    row.version = version
    row.due = machine.due(row: row, head: headAfter(queue, machine), now: now)
    if queue.takesOneOut { row.notificationCount -= 1 }
    // What comes first now was not tried yet.
    if queue.takesHeadOut, row.runsByItself, row.notificationCount > 0 {
      row.due = row.due.map { min($0, now.wall) } ?? now.wall
    }
    return row
  }

  private func headAfter(_ queue: QueueChange, _ machine: ResidentMachine) -> QueuedNotification? {
    switch queue {
    case .delivered: machine.notifications.loaded.dropFirst().first
    case .dropped(let notification) where notification.isHead:
      machine.notifications.loaded.dropFirst().first
    case .keep, .dropped, .arrived: machine.notifications.head
    case .rescheduled(let head): head
    }
  }

  /// Hands a step's record to its writer; its effects become true with the commit.
  private mutating func commit(
    _ machine: ResidentMachine, _ record: CommitRecord, _ application: Application,
    _ messages: Outgoing, _ reply: Reply?
  ) {
    guard let step = machine.running else {
      return assertionFailure("only a step that runs hands a record in")
    }
    assert(!calls.contains(step.id), "a step is written after its call")
    // What is written without asking the processor never passes the gate.
    if step.passage == .preparing { ready.add(machine.namespace) }
    machine.namespace.gate.donePreparing(machine)
    step.commit(
      RunningStep.Writing(
        application: application, reply: reply, asking: step.lastAsking, messages: messages))
    writers[machine.shard].add(record, from: .step(machine, step.id))
    if writers[machine.shard].isDelayed, let id = step.requestID {
      tell(id, .storageUnavailable)
    }
    // A notification may be kept before it.
    if writers[machine.shard].holds(machine) { stepAside(machine) }
  }

  private func idempotencyRow(
    _ step: RunningStep, _ reply: Reply, _ machine: ResidentMachine
  ) -> IdempotencyRow? {
    guard let key = step.key, let stored = StoredReply(reply) else { return nil }
    return IdempotencyRow(
      key: key.key, fingerprint: key.fingerprint, reply: stored,
      expiresAt: now.wall.advanced(byMicroseconds: machine.namespace.retention(of: key.key)))
  }
}

extension Change {
  /// Of the machine that it is written to.
  fileprivate var key: MachineKey {
    switch self {
    case .nothing(let key, _): key
    case .created(let changed, _), .updated(let changed, _): changed.row.key
    case .paused(let row), .removed(let row, _, _), .condemned(let row, _): row.key
    }
  }

  /// What it does to the messages of the machine.
  fileprivate var messages: Outgoing {
    switch self {
    case .created(let changed, _), .updated(let changed, _): changed.messages
    case .nothing(_, let messages), .removed(_, _, let messages): messages
    case .paused, .condemned: Outgoing()
    }
  }
}
