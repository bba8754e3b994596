import MachineModel

/// How steps end: what is written, and what is heard.
extension Engine {
  /// A machine after a processor's answer: events first, then aux state, then the timer.
  struct Changed {
    var row: MachineRow
    var events: [Event]
    var auxChanged: Bool
  }

  /// Applies the answer to a step to a row. `context` goes with a timer that it sets.
  func apply(
    _ answer: ProcessorAnswer, to row: MachineRow, by step: RunningStep?, context: CallerContext
  ) -> Changed {
    var row = row
    var events: [Event] = []
    events.reserveCapacity(answer.change.events.count)
    for body in answer.change.events {
      row.lastEventID += 1
      row.lastEventAt = max(row.lastEventAt, now.wall)
      events.append(Event(id: row.lastEventID, createdAt: row.lastEventAt, body: body))
    }
    let auxChanged = answer.change.auxState != nil
    if let aux = answer.change.auxState { row.auxState = aux.isEmpty ? nil : aux }
    switch answer.action.timer {
    case nil: break
    case .unset?: row.timer = nil
    case .set(let setting)?:
      // Whatever was answered was called, and has one.
      guard let serial = step?.serial else { break }
      let firesAt =
        switch setting.when {
        case .deadline(let at): at
        case .timeout(let microseconds): now.wall.advanced(byMicroseconds: microseconds)
        }
      row.timer = TimerRow(
        serial: serial, firesAt: firesAt, historyRange: setting.historyRange,
        processingTimeout: setting.processingTimeout, context: context)
    }
    return Changed(row: row, events: events, auxChanged: auxChanged)
  }

  /// A timer so far ahead that it can only be a mistake.
  func timerFault(_ answer: ProcessorAnswer) -> String? {
    guard case .set(let setting)? = answer.action.timer, case .deadline(let at) = setting.when,
      at > now.wall.advanced(byMicroseconds: configuration.maximumTimerDistance)
    else { return nil }
    return "action.set_timer.deadline: is more than 100 years ahead"
  }

  /// Writes what a step changed. `row` is the machine as it shall be.
  mutating func commit(
    _ machine: ResidentMachine, _ changed: Changed, reply: Reply?, queue: QueueChange = .keep
  ) {
    guard let step = machine.running else { return }
    var row = changed.row
    row.version += 1
    row.due = machine.due(row: row, head: headAfter(queue, machine), now: now)
    if case .delivered = queue {
      row.notificationCount -= 1
      if row.runsByItself, row.notificationCount > 0 {
        row.due = row.due.map { min($0, now.wall) } ?? now.wall
      }
    }
    var record = CommitRecord(
      shard: machine.shard, namespace: machine.namespace.number, machine: machine.id,
      key: row.key, row: .update(row, auxChanged: changed.auxChanged), events: changed.events)
    switch queue {
    case .keep: break
    case .delivered: record.dequeued = machine.notifications.head?.sequence
    case .rescheduled(let head): record.rescheduled = head
    }
    record.idempotency = reply.flatMap { idempotencyRow(step, $0, machine) }
    write(
      machine, record, .becomes(row, events: changed.events, queue: queue), reply)
  }

  private func headAfter(_ queue: QueueChange, _ machine: ResidentMachine) -> QueuedNotification? {
    switch queue {
    case .keep: machine.notifications.head
    case .delivered: machine.notifications.loaded.dropFirst().first
    case .rescheduled(let head): head
    }
  }

  /// Writes that the machine is gone, with everything that hangs on it.
  mutating func commitRemoval(_ machine: ResidentMachine, _ row: MachineRow, reply: Reply?) {
    guard let step = machine.running else { return }
    var record = CommitRecord(
      shard: machine.shard, namespace: machine.namespace.number, machine: machine.id,
      key: row.key, row: .delete(expectedVersion: row.version))
    record.idempotency = reply.flatMap { idempotencyRow(step, $0, machine) }
    write(machine, record, .removed, reply)
  }

  /// Writes a step's record; its effects become true with the commit.
  mutating func write(
    _ machine: ResidentMachine, _ record: CommitRecord, _ application: Application,
    _ reply: Reply?
  ) {
    guard let step = machine.running else { return }
    // What is written without asking the processor never passes the gate.
    donePreparing(machine)
    defer { if step.isPreparing { admitWaiting(machine.namespace) } }
    machine.running?.phase = .committing
    machine.running?.application = application
    machine.running?.reply = reply
    let slot = slot(of: machine.shard)
    slots[slot].add(record, from: .step(machine, step.id))
    if slots[slot].isDelayed, let id = step.requestID {
      tell(id, .storageUnavailable)
    }
    // A notification may be kept before it.
    if slots[slot].holds(machine) { stepAside(machine) }
  }

  /// Tells a caller that the outcome is unknown; its step, and its key, go on.
  mutating func tell(_ id: RequestID, _ error: ProgressorError) {
    guard let pending = take(id) else { return }
    effects.append(.reply(id, .error(error)))
    keepCharging(pending)
  }

  func idempotencyRow(
    _ step: RunningStep, _ reply: Reply, _ machine: ResidentMachine
  ) -> IdempotencyRow? {
    guard let key = step.key, let stored = StoredReply(reply) else { return nil }
    return IdempotencyRow(
      key: key.key, fingerprint: key.fingerprint, reply: stored,
      expiresAt: now.wall.advanced(byMicroseconds: machine.namespace.idempotencyRetention))
  }

  /// The machine fails: it keeps everything, and runs nothing but a repair (I7).
  mutating func fail(
    _ machine: ResidentMachine, _ kind: StepKind, code: Code, reason: String, attempts: Int32,
    reply: Reply?
  ) {
    guard var row = machine.row else { return end(machine) }
    row.failure = Failure(
      reason: reason, failedAt: now.wall, stepKind: kind, code: code.rawValue,
      attempts: attempts)
    commit(machine, Changed(row: row, events: [], auxChanged: false), reply: reply)
  }

  /// Whether an answer that nobody wrote down may leave: only while the lease holds.
  mutating func endUncommitted(_ machine: ResidentMachine, _ reply: Reply) {
    end(machine, lease.isTrusted(at: now.uptime) ? reply : .error(.notOwner))
  }
}
