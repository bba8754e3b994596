import MachineModel
import ProgressorEngine

/// Storage's shell: reads and batches on their way, and what the network does to them.
extension Simulation {
  func read(_ read: Read, _ node: SimulatedNode) {
    let slow = plan.strikes(.loadSlow, &random)
    agenda.plan(
      .read(node: node.number, life: node.life, read),
      after: slow ? random.duration(upTo: world.longPause) : random.within(20...500))
  }

  /// The snapshot is taken now; it reaches the engine later, and much may happen in between.
  func perform(_ read: Read, for node: SimulatedNode) {
    var failure: ReadFailure?
    if isStorageOut || plan.strikes(.loadFailed, &random) { failure = .unavailable }
    if plan.strikes(.loadUnreadable, &random) { failure = .unreadable("damaged") }
    let input: Input
    switch read {
    case .load(let request):
      input = .loaded(
        request.id, failure.map { .failure($0) } ?? .success(storage.load(request, now: wall)))
    case .list(let id, let namespace, let query):
      input = .listed(
        id,
        failure.map { .failure($0) } ?? .success(storage.list(namespace: namespace, query)))
    case .due(let query):
      input = .due(
        query,
        failure.map { .failure($0) } ?? .success(storage.due(query, of: node.identity ?? 0)))
    }
    let slow = plan.strikes(.loadSlow, &random)
    agenda.plan(
      .input(node: node.number, life: node.life, input),
      after: slow ? random.duration(upTo: world.longPause) : random.within(20...500))
  }

  func send(_ batch: CommitBatch, _ node: SimulatedNode) throws(Violation) {
    try BatchChecker.check(
      batch, configuration: world.configuration, owned: node.owned,
      busy: node.batches[batch.slot] != nil)
    node.lastBatchSerial += 1
    node.batches[batch.slot] = BatchInFlight(
      batch: batch, identity: node.identity ?? 0, serial: node.lastBatchSerial, sentAt: agenda.now,
      concluded: ledger.concluded(batch.records, by: node.number))
    let slow = plan.strikes(.commitSlow, &random)
    let delay = slow ? random.duration(upTo: world.longPause) : random.within(50...1_000)
    let lost = plan.strikes(.outcomeUnknownRepeated, &random)
    planCommit(lost ? .lost : arrival(), batch.slot, node, after: delay)
  }

  private func arrival() -> CommitStage {
    .arrives(outcomeUnknown: plan.strikes(.outcomeUnknownLanded, &random))
  }

  private func planCommit(
    _ stage: CommitStage, _ slot: Int, _ node: SimulatedNode, after delay: Int64
  ) {
    guard let serial = node.batches[slot]?.serial else { return }
    agenda.plan(
      .commit(node: node.number, life: node.life, slot: slot, serial: serial, stage), after: delay)
  }

  func commit(_ stage: CommitStage, slot: Int, serial: Int, _ node: SimulatedNode)
    throws(Violation)
  {
    guard let flight = node.batches[slot], flight.serial == serial, !flight.isAnswered else {
      return
    }
    // It landed just before a takeover: nobody will tell the node.
    if flight.isApplied, case .arrives = stage { return }
    switch stage {
    case .answered(let input):
      node.batches[slot]?.isAnswered = true
      deliver(input, to: node)
    case .lost:
      deliver(.commitDelayed(flight.batch.id), to: node)
      planCommit(arrival(), slot, node, after: random.duration(upTo: world.longPause))
    case .arrives(let outcomeUnknown):
      if isStorageOut || plan.strikes(.commitDelayed, &random) {
        deliver(.commitDelayed(flight.batch.id), to: node)
        let delay = max(storageOutageUntil - agenda.now, 0) + random.duration(upTo: world.longPause)
        return planCommit(arrival(), slot, node, after: delay)
      }
      try arrive(flight, node, outcomeUnknown: outcomeUnknown)
    }
  }

  private func arrive(_ flight: BatchInFlight, _ node: SimulatedNode, outcomeUnknown: Bool)
    throws(Violation)
  {
    let batch = flight.batch
    var delay = random.within(20...500)
    let answer: Input
    switch try write(flight, node) {
    case .applied:
      node.batches[batch.slot]?.isApplied = true
      answer = .committed(batch.id)
      if outcomeUnknown {
        deliver(.commitDelayed(batch.id), to: node)
        delay = random.duration(upTo: world.longPause)
      }
    case .refused(let refusal): answer = .refused(batch.id, refusal)
    case .fenced:
      answer = .fenced(batch.id)
      agenda.plan(
        .leaseGone(node: node.number, identity: flight.identity), after: random.within(0...5_000))
    }
    planCommit(.answered(answer), batch.slot, node, after: delay)
  }

  /// The transaction itself.
  func write(_ flight: BatchInFlight, _ node: SimulatedNode) throws(Violation) -> CommitOutcome {
    let outcome = try storage.commit(
      flight.batch, by: flight.identity, now: wall, refusal: refusal(of: flight.batch))
    guard case .applied(let records) = outcome else { return outcome }
    try ledger.applied(records, concluded: flight.concluded)
    for record in records where record.record.row != .keep {
      let machine = record.record.machine
      if node.batches[flight.batch.slot]?.earlier[machine] == nil {
        node.batches[flight.batch.slot]?.earlier[machine] = .some(record.previous)
      }
      let stored = storage.machines[machine]
      ledger.becomes(machine, stored, by: record)
      if let index = namespaceIndex(named: machine.namespace) {
        try Ledger.queueIsBounded(stored, widest: widest[index])
      }
    }
    return outcome
  }

  /// Contents that the database does not take: the fault of the step that brought them.
  private func refusal(of batch: CommitBatch) -> CommitRefusal? {
    for record in batch.records {
      let auxState: Content? =
        switch record.row {
        case .insert(let row), .update(let row, auxChanged: true): row.auxState
        case .keep, .update, .pause, .requeue, .delete: nil
        }
      let contents = [record.events.first?.body, auxState]
      for case let content? in contents {
        guard let number = Tag.number(in: content.data), number < UInt64(ledger.invocations.count),
          ledger.invocations[Int(number)].isPoisoned
        else { continue }
        return CommitRefusal(sqlState: "22P05", message: "the content cannot be stored")
      }
    }
    return nil
  }
}
