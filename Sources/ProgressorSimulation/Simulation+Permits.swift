import MachineModel
import ProgressorEngine

/// After all faults, where nodes have several cores: no permit is lost, each goes to whoever needs
/// it, and none moves when nobody does.
extension Simulation {
  /// So long a processor works here, and so soon the permits must be where the work is.
  private static let work: Int64 = 20_000
  private static let lendingTime: Int64 = 15_000
  /// Other cores may have something to do at first.
  private static let tries = 5

  /// The only work of a node is on one of its cores, which may use all permits of each namespace;
  /// one core after the other.
  func lendToEachCore() throws(Violation) {
    // Where leases are short, or memory is, something else than permits keeps steps from beginning.
    guard world.cores > 1, world.lease >= 250_000, world.configuration.historyBytes >= 100_000
    else { return }
    quietLatency = Simulation.work
    defer { quietLatency = Simulation.shortLatency }
    for node in nodes {
      for core in node.cores {
        for index in namespaces.indices where !deleted.contains(namespaces[index].number) {
          try lend(namespaces[index], to: core)
        }
      }
    }
    try permitsRest()
  }

  private func lend(_ record: NamespaceRecord, to core: SimulatedCore) throws(Violation) {
    let bounds = Simulation.bounds(of: record.namespace)
    let limit = min(bounds.steps, bounds.calls)
    guard limit <= core.configuration.maximumRequests / 4, limit <= 50 else { return }
    var most = 0
    for _ in 0..<Simulation.tries where most < limit {
      try awaitLease(of: core)
      guard let names = freshNames(limit, record.namespace.name, core) else { return }
      most = max(most, try startTogether(names, core))
    }
    try require(
      most == limit, .everythingFinishes,
      "core \(core.number.number) of node \(core.node.number) has nothing beside it, and uses "
        + "\(most) of \(limit) permits of \(record.namespace.name)")
  }

  /// A lease that ended with the last fault begins again.
  private func awaitLease(of core: SimulatedCore) throws(Violation) {
    let end = agenda.now + 60_000_000
    while core.trustedUntil <= agenda.now + Simulation.lendingTime + Simulation.work {
      try require(agenda.now < end, .everythingFinishes, "a node without faults has no lease")
      try pass(microseconds: 5_000)
    }
  }

  /// Names of machines of the core that there were never; nil = it has no shard.
  private func freshNames(_ count: Int, _ namespace: String, _ core: SimulatedCore) -> [MachineID]?
  {
    let part = core.configuration.part
    guard core.node.owned.keys.contains(where: part.contains) else { return nil }
    var names: [MachineID] = []
    while names.count < count {
      let name = MachineID(namespace: namespace, id: "fresh \(workload.newTag())")
      let shard = ShardID(of: name, shards: world.configuration.shards)
      if part.contains(shard), core.node.owned[shard] != nil { names.append(name) }
    }
    return names
  }

  /// Returns how many of the starts ran at once.
  private func startTogether(_ names: [MachineID], _ core: SimulatedCore) throws(Violation) -> Int {
    var ids: [RequestID] = []
    for name in names {
      let tag = workload.newTag()
      let id = send(
        .start(args: Tag.bytes(tag), key: nil), to: name, tag: tag, patience: 60_000_000,
        via: core.node)
      probes[id] = .some(nil)
      ids.append(id)
    }
    defer { for id in ids { probes[id] = nil } }
    try pass(microseconds: Simulation.lendingTime)
    let namespace = names.first?.namespace
    let running = ledger.active.count { place, number in
      place.node == core.node.number && place.machine.namespace == namespace
        && ledger.invocations[number].step.core == core.number
    }
    let end = agenda.now + 60_000_000
    while ids.contains(where: { isAwaited($0) }) {
      try require(agenda.now < end, .everythingFinishes, "starts on a lone core wait for ever")
      try pass(microseconds: 5_000)
    }
    return running
  }

  /// Where nothing begins and nobody waits, nobody says anything.
  private func permitsRest() throws(Violation) {
    try pass(microseconds: 1_000_000)
    let (begun, messages) = (ledger.invocations.count, permitMessages)
    try pass(microseconds: 1_000_000)
    try require(
      ledger.invocations.count > begun || permitMessages == messages, .timeMovesOn,
      "permits go around and nobody needs one")
  }
}
