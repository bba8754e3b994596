import MachineModel
import ProgressorEngine

/// Faults that strike by themselves, in time.
extension Simulation {
  func planFault(_ kind: FaultKind) {
    guard let delay = plan.delay(until: kind, arrivals: world.arrivalInterval, &random) else {
      return
    }
    agenda.plan(.fault(kind), after: delay)
  }

  func strike(_ kind: FaultKind) throws(Violation) {
    guard plan.isActive else { return }
    planFault(kind)
    if kind == .requestFlood {
      plan.count(kind)
      for _ in 0..<(20 + random.below(300)) { sendNext() }
      return
    }
    guard let node = random.pick(nodes.filter(\.isUp)) else { return }
    plan.count(kind)
    trace.line(at: agenda.now, node: node.number, "suffers \(kind)")
    switch kind {
    case .crash: try crash(node)
    case .leaseLost: loseLease(node)
    case .shardMoved: moveShards(node)
    case .nodeFrozen:
      node.frozenUntil = max(
        node.frozenUntil,
        agenda.now + random.duration(upTo: min(world.lease * 2, 300 * world.arrivalInterval)))
    case .clockJump: node.wallOffset = random.within(-World.maximumSkew...World.maximumSkew)
    case .storageOutage: storageOutageUntil = agenda.now + random.duration(upTo: world.longPause)
    case .endpointOutage:
      let namespace = random.below(namespaces.count)
      endpoint(namespace, isUp: false)
      agenda.plan(
        .endpoint(namespace, up: true), after: random.duration(upTo: 400 * world.arrivalInterval))
    case .namespaceChanged: changeNamespace()
    default: break
    }
  }

  /// Everything in memory is lost. What was on its way to the database lands, or does not, before
  /// anyone takes the node over.
  private func crash(_ node: SimulatedNode) throws(Violation) {
    for flight in node.batchesInOrder where !flight.isApplied && !flight.isAnswered {
      if plan.strikes(.crashLanded, &random) { _ = try write(flight, node) }
    }
    ledger.nodeDied(node.number)
    node.stop()
    agenda.plan(.restart(node: node.number), after: random.duration(upTo: world.lease))
  }

  private func loseLease(_ node: SimulatedNode) {
    guard let identity = node.identity else { return }
    node.isStarved = true
    agenda.plan(.expel(node: node.number, identity: identity), after: 0)
  }

  private func moveShards(_ node: SimulatedNode) {
    guard let identity = node.identity else { return }
    let moved = node.granted.sorted().filter { _ in random.chance(0.4) }
    guard !moved.isEmpty else { return }
    node.granted.subtract(moved)
    deliver(.shardsLost(moved), to: node)
    agenda.plan(
      .release(node: node.number, identity: identity, moved), after: random.within(100...5_000))
  }

  private func changeNamespace() {
    let index = random.below(namespaces.count)
    var changed = World.namespace(named: namespaces[index].namespace.name, random: &random)
    changed.version = namespaces[index].namespace.version + 1
    namespaces[index].namespace = changed
    let bounds = Simulation.bounds(of: changed)
    widest[index] = Ledger.Widest(
      mailbox: max(widest[index].mailbox, bounds.mailbox),
      steps: max(widest[index].steps, bounds.steps),
      notifications: max(widest[index].notifications, bounds.notifications))
    for node in nodes where node.isUp { deliver(.namespacesChanged(namespaces), to: node) }
  }
}
