import MachineModel
import ProgressorEngine

/// A run in which one client follows a scenario, and one thing goes wrong after one effect.
extension Simulation {
  /// Virtual time that a scenario may take, whatever goes wrong in it.
  private static let scriptPatience: Int64 = 60_000_000
  private static let interval: Int64 = 5_000

  convenience init(
    scenario: CrashScenario, blow: CrashSweep.Blow?, effect: Int, cores: Int32,
    without: Set<Safeguard>
  ) {
    let hasStandby = blow == .takeover || blow == .freeze || blow == .freezeInBatch
    self.init(
      seed: 1, without: without, decisions: nil,
      world: .plain(nodes: hasStandby ? 2 : 1, cores: cores))
    plan.end()
    script = ScriptedClient(scenario: scenario, blow: blow, effect: effect)
    for node in nodes { node.wallOffset = 0 }
  }

  /// Runs the scenario to its end, then until everything is quiet.
  func runScript() -> (violation: Violation?, effects: Int, trace: [String]) {
    do throws(Violation) {
      for node in nodes { start(node) }
      // Who is to suffer owns everything; the other one waits.
      if nodes.count > 1 { nodes[1].frozenUntil = agenda.now + 20_000 }
      agenda.plan(.arrival, after: 20_000)
      while let script, !script.isDone {
        try require(
          agenda.now < Simulation.scriptPatience, .everythingFinishes,
          "\(script.scenario.name): ask \(script.next) is never over")
        try next()
      }
      try hasEndedWell()
      try runUntilQuiet()
    } catch {
      return (error, script?.effects ?? 0, trace.last)
    }
    return (nil, script?.effects ?? 0, trace.last)
  }

  private func hasEndedWell() throws(Violation) {
    guard let script else { return }
    let stored = storage.machines[ScriptedClient.machine]
    try require(
      stored?.events.count == script.scenario.events, .acknowledgedIsDurable,
      "\(script.scenario.name): the history has \(stored?.events.count ?? -1) events, not "
        + "\(script.scenario.events ?? -1)")
    let tags = Set(stored?.events.compactMap { Tag.number(in: $0.body.data) } ?? [])
    try require(
      tags.count == script.scenario.events ?? 0, .oneInvocation,
      "\(script.scenario.name): a step is in the history twice")
  }

  /// The client looks whether it can go on.
  func goOn() {
    agenda.plan(.arrival, after: Simulation.interval)
    guard var script else { return }
    defer { self.script = script }
    if let id = script.pending {
      if let answer = probes[id], let reply = answer {
        probes[id] = nil
        script.hears(reply)
      } else if ledger.requests[id] == nil {
        // Its server is gone.
        probes[id] = nil
        script.pending = nil
      }
    }
    guard script.pending == nil, let ask = script.ask else { return }
    if case .drop = ask, script.dropped == nil {
      let head = storage.machines[ScriptedClient.machine]?.notifications.first
      script.dropped = head?.notificationID
    }
    if case .rest = ask {
      if isAtRest { script.goOn() }
    } else if let operation = script.operation, let node = node(for: ScriptedClient.machine) {
      let id = send(
        operation, to: ScriptedClient.machine, tag: script.tag, patience: 2_000_000, via: node)
      probes[id] = .some(nil)
      script.pending = id
    }
  }

  private var isAtRest: Bool {
    guard let machine = storage.machines[ScriptedClient.machine] else { return true }
    return machine.row.due == nil
  }

  /// One more effect is performed; true when the node is gone by it.
  func scriptCounts(_ effect: Effect, _ node: SimulatedNode) -> Bool {
    guard var script, !isQuiet else { return false }
    if case .wake = effect { return false }
    script.effects += 1
    self.script = script
    guard script.effects == script.effect, let blow = script.blow else { return false }
    trace.line(at: agenda.now, node: node.number, "suffers: \(blow.rawValue)")
    switch blow {
    case .crash: crash(node, lands: false, away: 1_000)
    case .crashLanded: crash(node, lands: true, away: 1_000)
    case .takeover: crash(node, lands: true, away: 3 * world.lease)
    case .freeze: node.frozenUntil = agenda.now + 3 * world.lease
    case .freezeInBatch: node.freezesInBatch = true
    case .cut: for number in transmissions.keys.sorted() { endSession(number) }
    case .cutLate: for number in transmissions.keys.sorted() { delay(number) }
    }
    return !node.isUp
  }

  /// The session is lost, and the backend works off later what it has received.
  private func delay(_ number: Int) {
    guard let sent = transmissions[number] else { return }
    if let listener = listener(to: number), let flight = listener.batches[sent.slot] {
      planWriter(.reconnects, flight, listener, after: 500)
    }
    transmissions[number] = nil
    lastTransmission += 1
    transmissions[lastTransmission] = sent
    agenda.plan(.transmission(lastTransmission), after: 5_000)
  }
}

extension World {
  /// Nothing out of the ordinary; several cores share a single call of the processor.
  static func plain(nodes: Int, cores: Int32) -> World {
    var random = RandomSource(seed: 1)
    var world = World(random: &random)
    world.nodes = nodes
    world.cores = cores
    world.configuration = EngineConfiguration()
    world.configuration.shards = 4
    world.configuration.slots = 1
    world.lease = 300_000
    world.margin = 30_000
    world.arrivalInterval = 2_000
    world.identifiers = 1
    // Scripts say for themselves what is asked and answered.
    world.expecting = 0
    let policy = RetryPolicy(initialInterval: 20_000, multiplier: 1, jitter: 0)
    world.namespaces = [
      NamespaceRecord(
        number: NamespaceNumber(1),
        namespace: Namespace(
          name: "n0",
          processor: ProcessorOptions(
            endpoint: "n0:1", timeout: 1_000_000, maxInFlight: cores > 1 ? 1 : 0),
          retryPolicy: policy, trace: TraceOptions(level: .all),
          feed: FeedOptions(isEnabled: true, hasBodies: true), version: 1))
    ]
    return world
  }
}
