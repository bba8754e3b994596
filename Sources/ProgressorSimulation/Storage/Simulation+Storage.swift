import MachineModel
import ProgressorEngine

/// The database's side of a batch: it arrives, is fenced, refused, kept open for a while, written.
extension Simulation {
  /// The batch is on its way through the session that the writer has.
  func transmit(_ slot: Int, _ node: SimulatedNode) {
    guard let flight = node.batches[slot] else { return }
    guard node.generation == storage.generation else {
      return planWriter(.reconnects, flight, node, after: random.within(20...500))
    }
    freezeInBatch(node)
    lastTransmission += 1
    let number = lastTransmission
    transmissions[number] = Transmission(
      batch: flight.batch, node: node.number, life: node.life, serial: flight.serial,
      identity: flight.identity, epoch: node.writerEpochs[slot, default: 1],
      concluded: flight.concluded)
    let slow = plan.strikes(.commitSlow, &random)
    let delay = slow ? random.duration(upTo: world.longPause) : random.within(50...1_000)
    if plan.strikes(.outcomeUnknownRepeated, &random) {
      transmissions[number] = nil
      trace.line(at: agenda.now, node: node.number, "batch \(flight.batch.id.number) gets lost")
      planWriter(.reconnects, flight, node, after: delay)
    } else if plan.strikes(.outcomeUnknownLate, &random) {
      // The session is lost, and the backend works off later what it has received.
      planWriter(.reconnects, flight, node, after: random.within(0...delay))
      agenda.plan(.transmission(number), after: delay + random.duration(upTo: world.longPause))
    } else {
      node.batches[slot]?.listensTo = number
      agenda.plan(.transmission(number), after: delay)
    }
  }

  /// A batch reaches the database, or the end of its transaction.
  func transmission(_ number: Int) throws(Violation) {
    guard let sent = transmissions[number] else { return }
    if sent.isOpen { return try end(number) }
    let listener = listener(to: number)
    if isStorageOut || plan.strikes(.commitDelayed, &random) {
      transmissions[number] = nil
      guard let listener else { return }
      deliver(.commitDelayed(sent.batch.id), to: listener)
      let delay = max(storageOutageUntil - agenda.now, 0) + random.duration(upTo: world.longPause)
      if let flight = listener.batches[sent.slot] {
        planWriter(isStorageOut ? .reconnects : .repeats, flight, listener, after: delay)
      }
      return
    }
    if let holder = storage.leases.holder(sent.identity, slot: sent.slot), holder != number {
      return agenda.plan(.transmission(number), after: random.within(100...2_000))
    }
    let passes = storage.leases.passesFence(sent.identity, slot: sent.slot, epoch: sent.epoch)
    guard passes || !isOn(.fenceRaise) else {
      transmissions[number] = nil
      if let listener { hears(.fenced(sent.batch.id), sent, listener) }
      return
    }
    let isHeld =
      alive(sent.node, sent.life).map { $0.holdsTransactions && $0.frozenUntil > agenda.now }
      ?? false
    if isHeld || plan.strikes(.transactionFrozen, &random) {
      transmissions[number]?.isOpen = true
      if isOn(.fenceLock) { storage.leases.lock(sent.identity, slot: sent.slot, by: number) }
      trace.line(at: agenda.now, node: nil, "batch \(sent.batch.id.number) stays open")
      let duration = isHeld ? 4 * world.lease : random.duration(upTo: 2 * world.lease)
      agenda.plan(.transmission(number), after: duration)
      // The writer's patience ends with the lease.
      if let listener, let flight = listener.batches[sent.slot] {
        planWriter(.reconnects, flight, listener, after: world.lease)
      }
      return
    }
    if meetsLock(sent.batch) {
      // The transaction waits for a while, with its locks.
      transmissions[number]?.isOpen = true
      if isOn(.fenceLock) { storage.leases.lock(sent.identity, slot: sent.slot, by: number) }
      return agenda.plan(.transmission(number), after: random.duration(upTo: lockTimeout))
    }
    try end(number)
  }

  /// As long as a batch waits for a lock, at most.
  private var lockTimeout: Int64 { min(1_000_000, world.lease / 4) }

  private func meetsLock(_ batch: CommitBatch) -> Bool {
    let locks = locks(on: batch)
    let isNoticed = batch.expectsLocks && locks.contains { $0.isNamed }
    return !locks.isEmpty && !isNoticed
  }

  /// What of the batch is locked by others, and whether that is the machine's own row, for which
  /// one can ask.
  private func locks(on batch: CommitBatch) -> [(machine: MachineID, isNamed: Bool)] {
    if rowLocks.isEmpty { return [] }
    return batch.records.compactMap { record in
      guard let lock = rowLocks[record.machine], lock.until > agenda.now else { return nil }
      if case .insert = record.row { return (record.machine, false) }
      return (record.machine, lock.isOfMachine)
    }
  }

  private func end(_ number: Int) throws(Violation) {
    let listener = listener(to: number)
    guard let sent = close(number) else { return }
    let answer: Input
    trace.line(
      at: agenda.now, node: nil,
      "batch \(sent.batch.id.number) of node \(sent.node) as \(sent.identity) is written"
        + (listener == nil ? ", nobody hears it" : ""))
    switch try write(sent) {
    case .applied: answer = .committed(sent.batch.id)
    case .refused(let refusal): answer = .refused(sent.batch.id, refusal)
    }
    guard let listener else { return }
    if case .committed = answer, plan.strikes(.outcomeUnknownLanded, &random),
      let flight = listener.batches[sent.slot]
    {
      planWriter(.reconnects, flight, listener, after: random.duration(upTo: world.longPause))
    } else {
      hears(answer, sent, listener)
    }
  }

  /// The transaction is over, one way or the other.
  func close(_ number: Int) -> Transmission? {
    guard let sent = transmissions.removeValue(forKey: number) else { return nil }
    storage.leases.unlock(sent.identity, slot: sent.slot, by: number)
    return sent
  }

  /// The session is ended from outside: its transaction is rolled back, and its writer hears so.
  func endSession(_ number: Int) {
    let listener = listener(to: number)
    trace.line(at: agenda.now, node: nil, "a session is ended")
    guard let sent = close(number), let listener, let flight = listener.batches[sent.slot] else {
      return
    }
    planWriter(.reconnects, flight, listener, after: random.within(20...1_000))
  }

  /// The transaction itself.
  func write(_ sent: Transmission) throws(Violation) -> TransactionOutcome {
    let refusal = goneNamespace(of: sent.batch) ?? refusal(of: sent.batch) ?? overdue(sent.batch)
    let outcome = try storage.commit(
      sent.batch, by: sent.identity, now: wall, refusal: refusal)
    ledger.tried(sent.batch, by: sent.node, refusal, epoch: storage.leases.epoch)
    guard case .applied(let records) = outcome else { return outcome }
    try ledger.applied(records, concluded: sent.concluded)
    let keeper = alive(sent.node, sent.life)
    let isKept = keeper?.batches[sent.slot]?.serial == sent.serial
    if isKept { keeper?.batches[sent.slot]?.isApplied = true }
    for record in records
    where record.record.row != .keep || !record.record.messageCounts.isZero {
      if case .pause(let row) = record.record.row, row.pause != nil { plan.count(.machinePaused) }
      let machine = record.record.machine
      if isKept, keeper?.batches[sent.slot]?.earlier[machine] == nil {
        keeper?.batches[sent.slot]?.earlier[machine] = Revised(
          number: ledger.revision(of: machine), machine: record.previous)
      }
      let stored = storage.machines[machine]
      ledger.becomes(machine, stored, by: record)
      if let index = namespaceIndex(named: machine.namespace) {
        try Ledger.queueIsBounded(stored, widest: widest[index])
      }
    }
    return outcome
  }

  /// Somebody locks a machine's row, for longer than a batch waits: also for many of them.
  private func overdue(_ batch: CommitBatch) -> CommitRefusal? {
    if plan.strikes(.commitOverdue, &random), let record = random.pick(batch.records) {
      rowLocks[record.machine] = RowLock(
        until: agenda.now + random.duration(upTo: 10 * world.longPause),
        isOfMachine: random.chance(0.8))
    }
    let locks = locks(on: batch)
    if locks.isEmpty { return nil }
    let named = Set(locks.lazy.filter(\.isNamed).map(\.machine))
    return CommitRefusal(
      named.isEmpty ? .overdue : .locked(named), code: "55P03", message: "rows are locked")
  }

  /// A machine must not be started where its namespace was deleted.
  private func goneNamespace(of batch: CommitBatch) -> CommitRefusal? {
    let isGone = batch.records.contains { record in
      switch record.row {
      case .insert: deleted.contains(record.namespace)
      // A machine that is made and removed at once leaves its messages.
      case .keep: !record.sent.isEmpty && deleted.contains(record.namespace)
      default: false
      }
    }
    return isGone ? CommitRefusal(.namespaceGone, code: "PGF04", message: "it is gone") : nil
  }

  /// Contents that the database does not take: the fault of the step that brought them.
  private func refusal(of batch: CommitBatch) -> CommitRefusal? {
    for record in batch.records {
      let auxState: Content? =
        switch record.row {
        case .insert(let row), .update(let row, auxChanged: true): row.auxState
        case .keep, .update, .pause, .requeue, .condemn, .delete: nil
        }
      let contents = [record.events.first?.body, auxState]
      for case let content? in contents {
        guard let number = Tag.number(in: content.data), number < UInt64(ledger.invocations.count),
          ledger.invocations[Int(number)].isPoisoned
        else { continue }
        return CommitRefusal(.contents, code: "22P05", message: "the content cannot be stored")
      }
    }
    return nil
  }
}
