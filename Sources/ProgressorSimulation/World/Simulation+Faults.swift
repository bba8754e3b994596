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
    planFault(kind)
    if kind == .namespaceDeleted { return deleteNamespace() }
    guard plan.mayStrike(kind) else { return }
    if kind == .requestFlood {
      for _ in 0..<(20 + random.below(300)) { sendNext() }
      return
    }
    if kind == .rowsLocked { return lockRows() }
    guard let node = random.pick(nodes.filter(\.isUp)) else { return }
    trace.line(at: agenda.now, node: node.number, "suffers \(kind)")
    switch kind {
    case .crash: crash(node)
    case .namespacePaused: pauseNamespace()
    case .crashAtEffect: node.crashesAfter = 1 + random.below(30)
    case .databaseWentBack: lag()
    case .leaseLost: loseLease(node)
    case .leasesExpired:
      storage.leases.expireAll(at: agenda.now)
      leasesDisagreeUntil = agenda.now + world.lease
      for id in ledger.requests.keys { ledger.requests[id]?.maySeePast = true }
    case .shardMoved: moveShards(node)
    case .nodeFrozen:
      if plan.strikes(.ownerFrozen, &random) { node.freezesInBatch = true } else { freeze(node) }
    case .coreStalled: stall(node)
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

  /// Whoever has locked them lets go of all at once, or of one after another.
  private func lockRows() {
    let longest = random.duration(upTo: 40 * world.longPause)
    let share = random.chance(0.5) ? 0.3 : 1
    let isAtOnce = random.chance(0.5)
    let isMachine = random.chance(0.8)
    trace.line(at: agenda.now, node: nil, "rows are locked")
    for name in storage.machines.keys.sorted() where random.chance(share) {
      let duration = isAtOnce ? longest : random.duration(upTo: longest)
      rowLocks[name] = RowLock(until: agenda.now + duration, isOfMachine: isMachine)
    }
  }

  /// Everything in memory is lost. What was on its way to the database is lost too, or comes later.
  func crash(_ node: SimulatedNode) {
    for number in transmissions.keys.sorted() where transmissions[number]?.node == node.number {
      if !plan.strikes(.crashLanded, &random) { _ = close(number) }
    }
    crash(node, lands: true, away: random.duration(upTo: world.lease))
  }

  /// - Parameter lands: whether what is on its way comes to the database.
  func crash(_ node: SimulatedNode, lands: Bool, away duration: Int64) {
    for number in transmissions.keys.sorted() where transmissions[number]?.node == node.number {
      if !lands { _ = close(number) }
    }
    ledger.nodeDied(node.number)
    node.stop()
    agenda.plan(.restart(node: node.number), after: duration)
  }

  /// The process does nothing for a while, and does not know it.
  private func freeze(_ node: SimulatedNode) {
    let longest = min(world.lease * 2, 300 * world.arrivalInterval)
    node.frozenUntil = max(node.frozenUntil, agenda.now + random.duration(upTo: longest))
  }

  /// One of its loops is late, and the others go on.
  private func stall(_ node: SimulatedNode) {
    guard let core = random.pick(node.cores) else { return }
    let longest = min(world.lease * 2, 300 * world.arrivalInterval)
    core.stalledUntil = max(core.stalledUntil, agenda.now + random.duration(upTo: longest))
  }

  /// It freezes in the middle of a transaction, so long that others want what it has locked.
  func freezeInBatch(_ node: SimulatedNode) {
    guard node.freezesInBatch else { return }
    node.freezesInBatch = false
    node.holdsTransactions = true
    node.frozenUntil = agenda.now + random.within(2 * world.lease...4 * world.lease)
    trace.line(at: agenda.now, node: node.number, "freezes in the middle of a batch")
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
    changed.pause = namespaces[index].namespace.pause
    // What must be recorded and told is known as long as it does not change.
    changed.trace = namespaces[index].namespace.trace
    changed.feed = namespaces[index].namespace.feed
    become(changed, index)
    let bounds = Simulation.bounds(of: changed)
    widest[index] = Ledger.Widest(
      mailbox: max(widest[index].mailbox, bounds.mailbox),
      steps: max(widest[index].steps, bounds.steps),
      calls: max(widest[index].calls, bounds.calls),
      notifications: max(widest[index].notifications, bounds.notifications))
  }

  private func become(_ changed: Namespace, _ index: Int) {
    let version = namespaces[index].namespace.version + 1
    namespaces[index].namespace = changed
    namespaces[index].namespace.version = version
    for node in nodes where node.isUp { tellNamespaces(node) }
  }

  /// What a node finds when it looks.
  func tellNamespaces(_ node: SimulatedNode) {
    deliver(.namespacesChanged(namespaces.filter { !deleted.contains($0.number) }), to: node)
  }

  /// The transaction that deletes a namespace, unless it has machines, or messages of some that are
  /// gone, or no other is left.
  private func deleteNamespace() {
    // A database that goes back in time would have it again, and what was in it.
    guard standby == nil else { return }
    let used = Set(storage.machines.values.map(\.row.namespace))
      .union(storage.messages.values.joined().map(\.value.namespace))
    let left = namespaces.map(\.number).filter { !deleted.contains($0) }
    guard left.count > 1, let number = left.first(where: { !used.contains($0) }),
      plan.mayStrike(.namespaceDeleted)
    else { return }
    deleted.insert(number)
    ledger.gone.insert(ExactText(namespaces[namespaceIndex(number)].namespace.name))
    trace.line(at: agenda.now, node: nil, "namespace \(number.number) is deleted")
    for node in nodes where node.isUp {
      agenda.plan(
        .look(node: node.number, life: node.life), after: random.duration(upTo: world.longPause))
    }
  }

  private func pauseNamespace() {
    let index = random.below(namespaces.count)
    var changed = namespaces[index].namespace
    changed.pause = Pause(pausedAt: wall, reason: "")
    become(changed, index)
    agenda.plan(.resumption(index), after: random.duration(upTo: 400 * world.arrivalInterval))
  }

  func resumeNamespace(_ index: Int) {
    guard namespaces[index].namespace.pause != nil else { return }
    var changed = namespaces[index].namespace
    changed.pause = nil
    become(changed, index)
  }
}
