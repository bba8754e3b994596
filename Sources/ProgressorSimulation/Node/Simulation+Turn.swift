import MachineModel
import ProgressorEngine

/// The shell's loop: inputs to the engine, effects to the world, checkers in between.
extension Simulation {
  /// Something reaches a node: those of its loops that it concerns hear it, each in its time.
  func deliver(_ input: Input, to node: SimulatedNode) {
    guard node.isUp else { return }
    switch CoreRoute(input, cores: world.cores) {
    case .one(let core): deliver(input, to: node.cores[Int(core.number)])
    case .all: for core in node.cores { deliver(input, to: core) }
    case .parts(let parts):
      for (core, part) in parts { deliver(part, to: node.cores[Int(core.number)]) }
    }
  }

  func deliver(_ input: Input, to core: SimulatedCore) {
    if case .shardsLost = input { core.unheardLosses += 1 }
    core.inbox.append(input)
    planTurn(core)
  }

  /// Another node has shards that this one was not told to have lost: what the database says of
  /// them is not for it, and what it holds of them it will drop.
  private func isTakenOver(_ node: SimulatedNode) -> Bool {
    node.owned.keys.contains { storage.leases.owner(of: $0) != node.identity }
  }

  /// The core does not rest any longer: its turn was planned for the end of that.
  func goOn(_ core: SimulatedCore) {
    core.stalledUntil = 0
    core.isTurnPlanned = false
    planTurn(core)
  }

  private func planTurn(_ core: SimulatedCore) {
    guard !core.isTurnPlanned, !core.inbox.isEmpty else { return }
    core.isTurnPlanned = true
    let delay = isQuiet ? 10 : random.within(0...(random.chance(0.1) ? 1_000 : 50))
    agenda.plan(
      .turn(node: core.node.number, life: core.node.life, core: core.number),
      at: max(agenda.now + delay, core.restsUntil))
  }

  func turn(_ core: SimulatedCore) throws(Violation) {
    let node = core.node
    core.isTurnPlanned = false
    if core.restsUntil > agenda.now { return planTurn(core) }
    let count = min(core.inbox.count, 64)
    let taken = Array(core.inbox[..<count])
    core.inbox.removeFirst(count)
    let now = moment(of: node)
    core.latestWall = max(core.latestWall, now.wall)
    var onlyTime = true
    var effects = 0
    for input in taken {
      if case .timePassed = input {} else { onlyTime = false }
      observe(input, core)
      core.engine.handle(input, now: now, into: &effectsInTurn)
      inputs += 1
      if core.answersGivenUp != core.engine.answersGivenUp {
        core.answersGivenUp = core.engine.answersGivenUp
        ledger.gaveUp(core.configuration, of: node.number)
        plan.count(.answerGivenUp)
      }
      effects += try performEffects(core, now)
      guard node.isUp else { return }
      if case .request(let request) = input { try isBounded(request, core) }
    }
    core.engine.flush(now: now, into: &effectsInTurn)
    turns += 1
    // It looks at everything: in some runs after each turn, in the others now and then.
    let looks = seed.isMultiple(of: 16) || turns.isMultiple(of: 8)
    if looks, let problem = core.engine.inconsistency(), !isTakenOver(node) {
      throw Violation(.accounts, problem)
    }
    effects += try performEffects(core, now)
    guard node.isUp else { return }
    core.idleTurns = onlyTime && effects == 0 ? core.idleTurns + 1 : 0
    try require(
      core.idleTurns < 1_000, .timeMovesOn, "the engine was woken 1,000 times and did nothing")
    planTurn(core)
  }

  /// Returns how many effects did something.
  private func performEffects(_ core: SimulatedCore, _ now: Moment) throws(Violation) -> Int {
    var count = 0
    for effect in effectsInTurn {
      trace.mix(effect.fingerprint)
      if !trace.isBrief || !effect.isRoutine {
        trace.line(
          at: agenda.now, node: core.node.number, core: core.name, "  → \(effect.summary)")
      }
      if case .wake = effect {} else { count += 1 }
      try perform(effect, core, now)
      if scriptCounts(effect, core.node) || crashes(after: effect, core.node) { break }
    }
    effectsInTurn.removeAll(keepingCapacity: true)
    return count
  }

  /// Whether the node was to crash in the middle of its turn, here.
  private func crashes(after effect: Effect, _ node: SimulatedNode) -> Bool {
    guard let rest = node.crashesAfter else { return false }
    if case .wake = effect { return false }
    node.crashesAfter = rest - 1
    guard rest <= 1 else { return false }
    crash(node)
    return true
  }

  /// What the engine is about to hear changes what it may do.
  private func observe(_ input: Input, _ core: SimulatedCore) {
    let node = core.node
    trace.mix(
      input.fingerprint ^ UInt64(truncatingIfNeeded: agenda.now)
        ^ UInt64(core.number.number) << 48)
    if !trace.isBrief || !input.isRoutine {
      trace.line(at: agenda.now, node: node.number, core: core.name, input.summary)
    }
    switch input {
    case .request(let request): if request.sender == nil { ledger.taken(request.id) }
    case .cancelled(let id): ledger.cancelled(id)
    case .processorAnswered(let step, let attempt, let outcome):
      let call = StepAttempt(step: step, attempt: attempt)
      if let number = node.calls.removeValue(forKey: call) { ledger.answered(number, outcome) }
    case .committed(let id), .refused(let id, _), .fenced(let id):
      for flight in node.batchesInOrder where flight.batch.id == id {
        node.batches[flight.batch.slot] = nil
        ledger.heard(flight.batch, by: node.number)
        if case .fenced = input { ledger.givenUp(flight.batch, by: node.number) }
      }
    case .leaseRenewed(let until): core.trustedUntil = max(core.trustedUntil, until)
    case .shardsAcquired(let grants): for grant in grants { node.owned[grant.shard] = grant.epoch }
    case .shardsLost(let shards):
      core.unheardLosses -= 1
      for shard in shards { node.owned[shard] = nil }
      ledger.abandoned(Set(shards), of: world.configuration.shards, by: node.number)
    case .namespacesChanged(let records):
      core.namespaces = Set(records.map(\.number))
      core.paused = Set(records.filter { $0.namespace.pause != nil }.map(\.number))
    case .loaded, .listed, .traceRead, .due, .messagesDue, .messagesLoaded, .delivered,
      .endpointReady, .commitDelayed, .permits, .timePassed:
      break
    }
    if case .due = input { core.lookAhead = nil }
    if case .messagesDue = input { core.messagesLookAhead = nil }
  }

  private func perform(_ effect: Effect, _ core: SimulatedCore, _ now: Moment) throws(Violation) {
    let node = core.node
    switch effect {
    case .reply(let id, let reply):
      if isReceipt(id, reply) { return }
      if probes[id] != nil { probes[id] = .some(reply) }
      if let request = ledger.requests[id] { watches(request, reply) }
      try ledger.replied(id, reply, by: view(of: core, shard: nil), now: now)
    case .load(let request): read(.load(request), node)
    case .list(let id, let listing): read(.list(id, listing), node)
    case .readTrace(let id, _, let machine, let query): read(.trace(id, machine, query), node)
    case .readDue(let query):
      try require(core.lookAhead == nil, .bounds, "two look-aheads at once")
      core.lookAhead = query
      read(.due(query), node)
    case .readMessages(let query):
      try require(core.messagesLookAhead == nil, .bounds, "two looks at messages at once")
      core.messagesLookAhead = query
      read(.messages(query), node)
    case .loadMessages(let load): read(.loadMessages(load), node)
    case .deliver(let delivery): try relay(delivery, core, now)
    case .invoke(let invocation): try invoke(invocation, core, now)
    case .callOff(let step, let attempt):
      callOff(StepAttempt(step: step, attempt: attempt), node)
    case .awaitEndpoint(let namespace):
      waitingNodes[namespaceIndex(namespace)].append((node.number, node.life))
      if isEndpointUp[namespaceIndex(namespace)] {
        agenda.plan(
          .endpoint(namespaceIndex(namespace), up: true), after: random.within(10...5_000))
      }
    case .commit(let batch): try send(batch, core)
    case .sendPermits(let message): carry(message, of: core)
    case .wake(let time):
      core.wakeSerial += 1
      agenda.plan(
        .wake(
          node: node.number, life: node.life, core: core.number, serial: core.wakeSerial), at: time)
    }
  }

  /// Messages between two loops keep their order, and none is lost; they take their time.
  private func carry(_ message: PermitMessage, of core: SimulatedCore) {
    let delay = isQuiet ? 10 : random.within(0...(random.chance(0.1) ? 5_000 : 50))
    let arrival = max(agenda.now + delay, core.lastArrivals[message.to] ?? 0)
    core.lastArrivals[message.to] = arrival
    permitMessages += 1
    let carried = permitFault.map { $0(message) } ?? message
    agenda.plan(
      .input(node: core.node.number, life: core.node.life, .permits(carried)), at: arrival)
  }

  private func isBounded(_ request: Request, _ core: SimulatedCore) throws(Violation) {
    guard let index = namespaceIndex(named: request.machine.namespace) else { return }
    try ledger.held(
      request.id, maximum: core.configuration.maximumRequests, widest: widest[index])
  }

  func view(of core: SimulatedCore, shard: ShardID?) -> NodeView {
    let node = core.node
    return NodeView(
      number: node.number, life: node.life, identity: node.identity,
      trustedUntil: core.trustedUntil, latestWall: core.latestWall,
      epoch: shard.flatMap { node.owned[$0] },
      isOwner: shard.map {
        storage.leases.owner(of: $0) == node.identity && node.identity != nil
          && node.generation == storage.generation
      } ?? false)
  }
}
