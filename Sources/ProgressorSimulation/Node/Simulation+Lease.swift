import MachineModel
import ProgressorEngine

/// The lease keeper's shell: registration, heartbeats, takeovers, and the loss of it all.
extension Simulation {
  func start(_ node: SimulatedNode) {
    let serial = node.number * 1_000 + node.life
    node.start(
      (0..<world.cores).map { core in
        var configuration = world.configuration(of: CoreNumber(core))
        configuration.seed &+= UInt64(Int(core) * 1_000_000 + serial)
        return configuration
      })
    trace.line(at: agenda.now, node: node.number, "starts")
    tellNamespaces(node)
    register(node)
  }

  /// A row in the table of nodes, when everything of an earlier one is over: under a new row the
  /// fence would let pass what an engine wrote before it heard that its shards are lost.
  func register(_ node: SimulatedNode) {
    guard node.identity == nil else { return }
    let isOver = node.owned.isEmpty && !node.hasUnheardLosses && node.batches.isEmpty
    guard isOver, !isStorageOut, node.frozenUntil <= agenda.now else {
      return agenda.plan(
        .register(node: node.number, life: node.life), after: random.within(100...10_000))
    }
    if let former = node.formerIdentity {
      endSessions(of: former)
      storage.leases.remove(former)
    }
    let identity = storage.leases.register(until: agenda.now + world.lease)
    node.identity = identity
    node.writerEpochs = [:]
    node.generation = storage.generation
    node.isStarved = false
    trace.line(at: agenda.now, node: node.number, "registers as \(identity)")
    deliver(.leaseRenewed(until: agenda.now + world.lease - world.margin), to: node)
    agenda.plan(.heartbeat(node: node.number, identity: identity), after: world.lease / 3)
    agenda.plan(.scan(node: node.number, identity: identity), after: random.within(10...2_000))
  }

  func heartbeat(_ node: SimulatedNode, _ identity: Int) {
    guard node.identity == identity else { return }
    let next = max(agenda.now + world.lease / 3, node.frozenUntil)
    if node.frozenUntil > agenda.now {
      return agenda.plan(.heartbeat(node: node.number, identity: identity), at: node.frozenUntil)
    }
    if plan.strikes(.leaseStarved, &random) {
      return agenda.plan(
        .heartbeat(node: node.number, identity: identity),
        after: random.within(world.lease / 2...world.lease * 3 / 2))
    }
    agenda.plan(.heartbeat(node: node.number, identity: identity), at: next)
    let isStuck = node.batches.values.contains { agenda.now - $0.sentAt > world.lease / 2 }
    if node.isStarved || isStorageOut || isStuck { return }
    agenda.plan(
      .renewal(node: node.number, identity: identity, sentAt: agenda.now),
      after: random.within(50...2_000))
  }

  func renew(_ node: SimulatedNode, _ identity: Int, sentAt: Int64) {
    guard node.identity == identity else { return }
    if noticesAnotherDatabase(node) { return }
    guard storage.leases.renew(identity, until: agenda.now + world.lease) else {
      return agenda.plan(
        .leaseGone(node: node.number, identity: identity), after: random.within(0...5_000))
    }
    deliver(.leaseRenewed(until: sentAt + world.lease - world.margin), to: node)
  }

  /// The node hears that it was taken over: nothing of it will be written any more.
  func leaseGone(_ node: SimulatedNode, _ identity: Int) {
    guard node.isUp, node.identity == identity else { return }
    if node.frozenUntil > agenda.now {
      return agenda.plan(
        .leaseGone(node: node.number, identity: identity), at: node.frozenUntil)
    }
    trace.line(at: agenda.now, node: node.number, "lost its lease")
    node.identity = nil
    node.formerIdentity = identity
    let lost = node.granted.sorted()
    node.granted = []
    let shardsFirst = random.chance(0.5)
    if shardsFirst { deliver(.shardsLost(lost), to: node) }
    for flight in node.batchesInOrder where !flight.isAnswered {
      node.batches[flight.batch.slot]?.isAnswered = true
      // That a batch landed before the takeover, the node cannot know any more.
      if flight.isApplied { plan.count(.leaseLostLanded) }
      deliver(.fenced(flight.batch.id), to: node)
    }
    if !shardsFirst { deliver(.shardsLost(lost), to: node) }
    agenda.plan(
      .register(node: node.number, life: node.life), after: random.duration(upTo: world.lease / 2))
  }

  /// Looks for nodes that died, and takes free shards.
  func scan(_ node: SimulatedNode, _ identity: Int) {
    guard node.identity == identity else { return }
    agenda.plan(.scan(node: node.number, identity: identity), after: world.lease / 10)
    guard !isStorageOut, node.frozenUntil <= agenda.now, !node.isStarved else { return }
    if noticesAnotherDatabase(node) { return }
    for dead in storage.leases.blocked(besides: identity, now: agenda.now) {
      plan.count(.takeoverBlocked)
      agenda.plan(.endSessions(identity: dead), after: world.lease / 30)
    }
    let limit = isQuiet ? Int.max : 1 + random.below(Int(world.configuration.shards))
    let grants = storage.leases.claim(by: identity, now: agenda.now, limit: limit)
    guard !grants.isEmpty else { return }
    node.granted.formUnion(grants.map(\.shard))
    deliver(.shardsAcquired(grants), to: node)
  }

  /// Transactions of a node that is taken over hold locks of which no timeout frees anybody.
  func endSessions(of identity: Int) {
    for number in transmissions.keys.sorted() where transmissions[number]?.identity == identity {
      if transmissions[number]?.isOpen == true { endSession(number) }
    }
  }

  /// A shard leaves a living node: its engines hear it first, its batch in flight drains, then the
  /// shard is free.
  func release(_ node: SimulatedNode, _ identity: Int, _ shards: [ShardID]) {
    guard node.identity == identity else { return }
    let isUnderWay =
      node.hasUnheardLosses || shards.contains { node.owned[$0] != nil }
      || node.batches.values.contains { flight in
        flight.batch.records.contains { shards.contains($0.shard) }
      }
    if isUnderWay {
      return agenda.plan(
        .release(node: node.number, identity: identity, shards), after: random.within(100...5_000))
    }
    storage.leases.release(shards, by: identity)
  }

  /// Another node, not among ours, took this one over and gave its shards up again.
  /// Its batch in flight landed before or not at all: the takeover waits for it, or fences it.
  func expel(_ node: SimulatedNode, _ identity: Int) throws(Violation) {
    guard !isQuiet, storage.leases.isRegistered(identity) else { return }
    if let expiry = storage.leases.expiry(of: identity), expiry >= agenda.now {
      return agenda.plan(.expel(node: node.number, identity: identity), at: expiry + 1)
    }
    for number in transmissions.keys.sorted() {
      guard let sent = transmissions[number], sent.identity == identity, !sent.isOpen,
        storage.leases.holder(identity, slot: sent.slot) == nil,
        storage.leases.passesFence(identity, slot: sent.slot, epoch: sent.epoch),
        plan.strikes(.leaseLostLanded, &random)
      else { continue }
      transmissions[number] = nil
      _ = try write(sent)
    }
    if isOn(.fenceLock) { endSessions(of: identity) }
    storage.leases.remove(identity)
    agenda.plan(
      .leaseGone(node: node.number, identity: identity),
      after: random.duration(upTo: world.lease / 2))
  }
}
