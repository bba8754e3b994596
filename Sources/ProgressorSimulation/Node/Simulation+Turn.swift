import MachineModel
import ProgressorEngine

/// The shell's loop: inputs to the engine, effects to the world, checkers in between.
extension Simulation {
  func deliver(_ input: Input, to node: SimulatedNode) {
    node.inbox.append(input)
    planTurn(node)
  }

  private func planTurn(_ node: SimulatedNode) {
    guard !node.isTurnPlanned, !node.inbox.isEmpty else { return }
    node.isTurnPlanned = true
    let delay = isQuiet ? 10 : random.within(0...(random.chance(0.1) ? 1_000 : 50))
    agenda.plan(
      .turn(node: node.number, life: node.life), at: max(agenda.now + delay, node.frozenUntil))
  }

  func turn(_ node: SimulatedNode) throws(Violation) {
    node.isTurnPlanned = false
    if node.frozenUntil > agenda.now { return planTurn(node) }
    let count = min(node.inbox.count, 64)
    let taken = Array(node.inbox[..<count])
    node.inbox.removeFirst(count)
    let now = moment(of: node)
    node.latestWall = max(node.latestWall, now.wall)
    var onlyTime = true
    var effects = 0
    for input in taken {
      if case .timePassed = input {} else { onlyTime = false }
      observe(input, node)
      node.engine.handle(input, now: now, into: &effectsInTurn)
      inputs += 1
      if node.answersGivenUp != node.engine.answersGivenUp {
        node.answersGivenUp = node.engine.answersGivenUp
        ledger.gaveUp(node.number)
        plan.count(.answerGivenUp)
      }
      effects += try performEffects(node, now)
      guard node.isUp else { return }
      if case .request(let request) = input { try isBounded(request) }
    }
    node.engine.flush(now: now, into: &effectsInTurn)
    turns += 1
    // It looks at everything: in some runs after each turn, in the others now and then.
    let looks = seed.isMultiple(of: 16) || turns.isMultiple(of: 8)
    if looks, let problem = node.engine.inconsistency() {
      throw Violation(.accounts, problem)
    }
    effects += try performEffects(node, now)
    guard node.isUp else { return }
    node.idleTurns = onlyTime && effects == 0 ? node.idleTurns + 1 : 0
    try require(
      node.idleTurns < 1_000, .timeMovesOn, "the engine was woken 1,000 times and did nothing")
    planTurn(node)
  }

  /// Returns how many effects did something.
  private func performEffects(_ node: SimulatedNode, _ now: Moment) throws(Violation) -> Int {
    var count = 0
    for effect in effectsInTurn {
      trace.mix(effect.fingerprint)
      if !trace.isBrief || !effect.isRoutine {
        trace.line(at: agenda.now, node: node.number, "  → \(effect.summary)")
      }
      if case .wake = effect {} else { count += 1 }
      try perform(effect, node, now)
      if scriptCounts(effect, node) || crashes(after: effect, node) { break }
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
  private func observe(_ input: Input, _ node: SimulatedNode) {
    trace.mix(input.fingerprint ^ UInt64(truncatingIfNeeded: agenda.now))
    if !trace.isBrief || !input.isRoutine {
      trace.line(at: agenda.now, node: node.number, input.summary)
    }
    switch input {
    case .request(let request): ledger.taken(request.id)
    case .cancelled(let id): ledger.cancelled(id)
    case .processorAnswered(let step, let attempt, let outcome):
      let call = StepAttempt(step: step, attempt: attempt)
      if let number = node.calls.removeValue(forKey: call) { ledger.answered(number, outcome) }
    case .committed(let id), .refused(let id, _), .fenced(let id):
      for flight in node.batchesInOrder where flight.batch.id == id {
        node.batches[flight.batch.slot] = nil
      }
    case .leaseRenewed(let until): node.trustedUntil = max(node.trustedUntil, until)
    case .shardsAcquired(let grants): for grant in grants { node.owned[grant.shard] = grant.epoch }
    case .shardsLost(let shards):
      for shard in shards { node.owned[shard] = nil }
      ledger.abandoned(Set(shards), of: world.configuration.shards, by: node.number)
    case .namespacesChanged(let records):
      node.paused = Set(records.filter { $0.namespace.pause != nil }.map(\.number))
    case .loaded, .listed, .due, .endpointReady, .commitDelayed, .permits, .timePassed:
      break
    }
    if case .due = input { node.lookAhead = nil }
  }

  private func perform(_ effect: Effect, _ node: SimulatedNode, _ now: Moment) throws(Violation) {
    switch effect {
    case .reply(let id, let reply):
      if probes[id] != nil { probes[id] = .some(reply) }
      try ledger.replied(id, reply, by: view(of: node, shard: nil), now: now)
    case .load(let request): read(.load(request), node)
    case .list(let id, _, let namespace, let query):
      read(.list(id, namespace: namespace, query), node)
    case .readDue(let query):
      try require(node.lookAhead == nil, .bounds, "two look-aheads at once")
      node.lookAhead = query
      read(.due(query), node)
    case .invoke(let invocation): try invoke(invocation, node, now)
    case .callOff(let step, let attempt):
      callOff(StepAttempt(step: step, attempt: attempt), node)
    case .awaitEndpoint(let namespace):
      waitingNodes[namespaceIndex(namespace)].append((node.number, node.life))
      if isEndpointUp[namespaceIndex(namespace)] {
        agenda.plan(
          .endpoint(namespaceIndex(namespace), up: true), after: random.within(10...5_000))
      }
    case .commit(let batch): try send(batch, node)
    case .sendPermits(let message): deliver(.permits(message), to: node)
    case .wake(let time):
      node.wakeSerial += 1
      agenda.plan(
        .wake(node: node.number, life: node.life, serial: node.wakeSerial), at: time)
    }
  }

  private func isBounded(_ request: Request) throws(Violation) {
    guard let index = namespaceIndex(named: request.machine.namespace) else { return }
    try ledger.held(
      request.id, maximum: world.configuration.maximumRequests, widest: widest[index])
  }

  func view(of node: SimulatedNode, shard: ShardID?) -> NodeView {
    NodeView(
      number: node.number, life: node.life, identity: node.identity,
      trustedUntil: node.trustedUntil, latestWall: node.latestWall,
      epoch: shard.flatMap { node.owned[$0] },
      isOwner: shard.map {
        storage.leases.owner(of: $0) == node.identity && node.identity != nil
          && node.generation == storage.generation
      } ?? false)
  }
}
