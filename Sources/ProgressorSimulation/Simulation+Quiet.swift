import MachineModel
import ProgressorEngine

/// The second phase: nothing goes wrong any more, and everything pending must finish (I11).
extension Simulation {
  /// Virtual time that the quiet phase may take: leases, backoffs and deadlines are all shorter.
  private static let patience: Int64 = 3_600_000_000

  func runUntilQuiet() throws(Violation) {
    endFaults()
    let beginning = agenda.now
    let limit = beginning + Simulation.patience
    for round in 0... {
      try require(
        round < 20_000, .everythingFinishes, "machines fail again and again, without any fault")
      try pass(microseconds: 500_000)
      try nothingIsKept(longerThan: agenda.now - beginning)
      if let pending {
        try require(agenda.now < limit, .everythingFinishes, "\(pending), an hour after all faults")
        continue
      }
      guard try !resumePausedMachines(), try !repairFailedMachines() else { continue }
      // Where a queue was full that nobody could empty, they have waited until now.
      guard let message = overdueMessage else { break }
      try require(agenda.now < limit, .everythingFinishes, "\(message), an hour after all faults")
    }
    try probeMachines()
    try passLockedRows()
    try lendToEachCore()
    try letTimersFire()
  }

  /// Once nothing is locked any more, whatever was kept is written: the longest pause, the rest
  /// after the longest try, and one try more.
  private static let longestKept: Int64 = 120_000_000

  private func nothingIsKept(longerThan time: Int64) throws(Violation) {
    guard time > Simulation.longestKept else { return }
    for node in nodes where node.isUp {
      let kept = kept(by: node)
      try require(
        kept == 0, .everythingFinishes,
        "node \(node.number) keeps \(kept) steps, \(time) µs after the last lock")
    }
  }

  private func kept(by node: SimulatedNode) -> Int {
    node.cores.reduce(0) { $0 + $1.engine.takeStatistics(at: agenda.now).heldMachines }
  }

  /// So long timers are watched, and so late the latest may be: nodes differ in the time of day,
  /// and what was not to be had is tried again in a while.
  private static let watch: Int64 = 25_000_000
  private static let latest: Int64 = 6_000_000

  /// What is due runs soon while nothing holds it, however little of it has room in memory.
  private func letTimersFire() throws(Violation) {
    // Where leases are short, so much happens meanwhile that it would be most of a run.
    guard world.lease >= 250_000 else { return }
    let end = agenda.now + Simulation.watch
    while agenda.now < end {
      try pass(microseconds: 500_000)
      let wall = wall
      for (name, machine) in storage.machines where machine.row.runsByItself {
        guard let due = machine.row.due else { continue }
        try require(
          due.advanced(byMicroseconds: Simulation.latest) >= wall, .timersInTime,
          "\(name) is due since \(due.microseconds), and nothing holds it")
      }
    }
  }

  private func endFaults() {
    trace.line(at: agenda.now, node: nil, "quiet")
    plan.end()
    isQuiet = true
    quietSince = agenda.now
    storageOutageUntil = 0
    rowLocks = [:]
    standby = nil
    for node in nodes {
      node.frozenUntil = 0
      node.holdsTransactions = false
      node.freezesInBatch = false
      node.crashesAfter = nil
      node.isStarved = false
      for core in node.cores { goOn(core) }
      if !node.isUp { start(node) }
      if let identity = node.identity {
        agenda.plan(.heartbeat(node: node.number, identity: identity), after: 1)
      }
    }
    for index in namespaces.indices { resumeNamespace(index) }
    for index in isEndpointUp.indices { agenda.plan(.endpoint(index, up: true), after: 1) }
  }

  func pass(microseconds: Int64) throws(Violation) {
    let end = agenda.now + microseconds
    agenda.plan(.storageBack, at: end)
    while agenda.now < end, agenda.nextTime != nil { try next() }
  }

  /// What is not finished yet, nil = nothing.
  private var pending: String? {
    if let id = ledger.requests.keys.map(\.number).min() { return "request \(id) waits" }
    if let number = ledger.active.values.min() { return "invocation \(number) is under way" }
    for node in nodes where node.isUp && kept(by: node) > 0 {
      return "node \(node.number) keeps what it could not write"
    }
    for node in nodes where !node.batches.isEmpty { return "node \(node.number) has a batch" }
    let unowned = (0..<world.configuration.shards).first { shard in
      !nodes.contains { $0.owned[ShardID(shard)] != nil && isOwner($0, ShardID(shard)) }
    }
    if let unowned { return "shard \(unowned) has no owner" }
    for node in nodes where node.cores.contains(where: { $0.trustedUntil <= agenda.now }) {
      return "node \(node.number) has no lease"
    }
    for name in namesInOrder {
      guard let machine = storage.machines[name], machine.row.runsByItself else { continue }
      if !machine.notifications.isEmpty { return "\(name) has notifications" }
      if !machine.retrying.isEmpty { return "\(name) is retrying" }
      if let due = machine.row.due, due.advanced(byMicroseconds: 3_000_000) < wall {
        return "\(name) is due since \(due.microseconds)"
      }
    }
    return nil
  }

  private func isOwner(_ node: SimulatedNode, _ shard: ShardID) -> Bool {
    node.identity != nil && storage.leases.owner(of: shard) == node.identity
  }

  private var namesInOrder: [MachineID] {
    storage.machines.keys.sorted()
  }

  /// False when no machine is paused.
  private func resumePausedMachines() throws(Violation) -> Bool {
    let paused = namesInOrder.filter { storage.machines[$0]?.row.pause != nil }
    for (name, reply) in try ask(paused, .resume) {
      try require(
        reply == .resumed, .everythingFinishes, "\(name): a resume answers \(reply)")
    }
    return !paused.isEmpty
  }

  /// False when no machine is failed.
  private func repairFailedMachines() throws(Violation) -> Bool {
    let failed = namesInOrder.filter { storage.machines[$0]?.row.failure != nil }
    for (name, reply) in try ask(failed, .simpleRepair) {
      try require(
        reply == .simplyRepaired, .everythingFinishes, "\(name): simple repair answers \(reply)")
    }
    return !failed.isEmpty
  }

  /// Every machine still answers a call and a read.
  private func probeMachines() throws(Violation) {
    let names = namesInOrder
    for (name, reply) in try ask(names, .call(args: [], range: nil, key: nil)) {
      guard case .called = reply else {
        throw Violation(.everythingFinishes, "\(name): a call answers \(reply)")
      }
    }
    for (name, reply) in try ask(names, .get(range: nil)) {
      guard case .machine = reply else {
        throw Violation(.everythingFinishes, "\(name): a read answers \(reply)")
      }
    }
  }

  /// Asks each machine in turn and waits for its answer; again when a small mailbox is full of what
  /// the machine does by itself, or when a lease that a fault has starved is just being had back.
  private func ask(_ names: [MachineID], _ operation: Operation) throws(Violation)
    -> [(MachineID, Reply)]
  {
    var replies: [(MachineID, Reply)] = []
    var names = names[...]
    var refusals = 0
    while let name = names.popFirst() {
      guard let node = node(for: name) else { continue }
      let tag = workload.newTag()
      var asked = operation
      if case .call = operation { asked = .call(args: Tag.bytes(tag), range: nil, key: nil) }
      let id = send(asked, to: name, tag: tag, patience: 30_000_000, via: node)
      probes[id] = .some(nil)
      while case .some(nil) = probes[id], agenda.nextTime != nil { try next() }
      let reply = probes[id] ?? nil
      probes[id] = nil
      if case .error(let error)? = reply, [.overloaded, .notOwner].contains(error.reason),
        refusals < 100
      {
        refusals += 1
        names.append(name)
        try pass(microseconds: 100_000)
      } else if let reply {
        replies.append((name, reply))
      }
    }
    return replies
  }
}
