import MachineModel
import ProgressorEngine

/// The writer's side of a batch: it keeps it until it knows how it ended. An outcome that is
/// unknown becomes known by the fence: first the epoch is raised, then the batch is looked for.
extension Simulation {
  func send(_ batch: CommitBatch, _ core: SimulatedCore) throws(Violation) {
    let node = core.node
    try BatchChecker.check(
      batch, configuration: core.configuration, owned: node.owned,
      busy: node.batches[batch.slot] != nil)
    ledger.sent(batch, by: node.number)
    node.lastBatchSerial += 1
    node.batches[batch.slot] = BatchInFlight(
      batch: batch, identity: node.identity ?? 0, serial: node.lastBatchSerial, sentAt: agenda.now,
      concluded: ledger.concluded(batch.records, by: node.number))
    transmit(batch.slot, node)
  }

  func planWriter(
    _ stage: WriterStage, _ flight: BatchInFlight, _ node: SimulatedNode, after delay: Int64
  ) {
    agenda.plan(
      .writer(
        node: node.number, life: node.life, slot: flight.batch.slot,
        attempt: BatchAttempt(serial: flight.serial, number: flight.attempt), stage), after: delay)
  }

  /// The node that still listens to this transmission's connection.
  func listener(to number: Int) -> SimulatedNode? {
    guard let sent = transmissions[number], let node = alive(sent.node, sent.life),
      let flight = node.batches[sent.slot], flight.serial == sent.serial,
      flight.listensTo == number, !flight.isAnswered
    else { return nil }
    return node
  }

  /// The database's answer travels.
  func hears(_ answer: Input, _ sent: Transmission, _ node: SimulatedNode) {
    guard let flight = node.batches[sent.slot] else { return }
    planWriter(.answered(answer), flight, node, after: random.within(20...500))
    if case .fenced = answer {
      agenda.plan(
        .leaseGone(node: node.number, identity: sent.identity), after: random.within(0...5_000))
    }
  }

  func writer(_ stage: WriterStage, slot: Int, _ attempt: BatchAttempt, _ node: SimulatedNode) {
    guard var flight = node.batches[slot], !flight.isAnswered, flight.serial == attempt.serial,
      flight.attempt == attempt.number
    else { return }
    switch stage {
    case .answered(let input):
      node.batches[slot]?.isAnswered = true
      deliver(input, to: node)
    case .repeats: transmit(slot, node)
    case .reconnects:
      // The old session is not listened to any more; whoever waits may hear that it takes longer.
      flight.listensTo = nil
      flight.attempt += 1
      node.batches[slot] = flight
      if random.chance(0.5) { deliver(.commitDelayed(flight.batch.id), to: node) }
      reconnect(flight, node)
    case .endsOldSession:
      if let holder = storage.leases.holder(flight.identity, slot: slot) { endSession(holder) }
      reconnect(flight, node)
    }
  }

  /// A new session: raises the epoch, which waits for an open transaction of the old one, then
  /// reads.
  private func reconnect(_ flight: BatchInFlight, _ node: SimulatedNode) {
    let slot = flight.batch.slot
    if isStorageOut || node.frozenUntil > agenda.now {
      let delay = max(storageOutageUntil, node.frozenUntil) - agenda.now
      return planWriter(.reconnects, flight, node, after: delay + random.within(100...5_000))
    }
    if noticesAnotherDatabase(node) { return }
    if isOn(.fenceBeforeRead) {
      if storage.leases.holder(flight.identity, slot: slot) != nil {
        plan.count(.raiseBlocked)
        return planWriter(.endsOldSession, flight, node, after: world.lease / 10)
      }
      guard let epoch = storage.leases.raise(flight.identity, slot: slot) else {
        planWriter(.answered(.fenced(flight.batch.id)), flight, node, after: 0)
        return agenda.plan(
          .leaseGone(node: node.number, identity: flight.identity),
          after: random.within(0...5_000))
      }
      node.writerEpochs[slot] = epoch
      trace.line(at: agenda.now, node: node.number, "slot \(slot) raises its epoch to \(epoch)")
    }
    if node.batches[slot]?.isApplied == true {
      planWriter(
        .answered(.committed(flight.batch.id)), flight, node, after: random.within(20...500))
    } else {
      transmit(slot, node)
    }
  }
}
