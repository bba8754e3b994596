package import MachineModel
import ProgressorEngine

/// One run of the engine in a world drawn from a seed: nodes, clients, processors and a database,
/// all in virtual time. The same seed gives the same run, to the last input.
///
/// A run has two phases. In the first everything may go wrong that the plan of faults holds; in the
/// second nothing does, and all that is pending must finish. After each input the checkers compare
/// what the engine did with what is true.
public final class Simulation {
  /// Everything that chance decides in the run follows from it.
  public let seed: UInt64
  let without: Set<Safeguard>
  let decisions: Decisions?
  /// Of the requests that were sent, when that is recorded.
  var sentArrivals: Set<Int> = []
  var lastArrival = 0
  private var phaseEnd: Int64?
  private var occurrencesAtOnce: UInt64 = 0
  let world: World
  var random: RandomSource
  var plan: FaultPlan
  var agenda = Agenda()
  var storage: SimulatedStorage
  var ledger = Ledger()
  var trace = Trace()
  var workload: Workload
  let processor: SimulatedProcessor
  var nodes: [SimulatedNode] = []

  /// Namespaces as they are now, and the widest bounds that each had.
  var namespaces: [NamespaceRecord]
  /// Those that are gone for good.
  var deleted: Set<NamespaceNumber> = []
  var widest: [Ledger.Widest]
  var isEndpointUp: [Bool]
  /// Invocations and nodes that wait for a namespace's endpoint.
  var waitingInvocations: [[Int]]
  var waitingNodes: [[(node: Int, life: Int)]]
  /// The details of invocations under way, by number.
  var pendingInvocations: [Int: Invocation] = [:]

  /// Batches on their way, by number.
  var transmissions: [Int: Transmission] = [:]
  var lastTransmission = 0
  /// Set while a standby lags behind that will be promoted.
  var standby: Standby?
  var storageOutageUntil: Int64 = 0
  /// Machines of which somebody has locked a row.
  var rowLocks: [MachineID: RowLock] = [:]
  /// Until then nodes may trust leases that the database holds for over.
  var leasesDisagreeUntil: Int64 = 0
  var isQuiet = false
  /// When nothing went wrong any more.
  var quietSince: Int64 = 0
  /// How long processors work in the quiet phase.
  var quietLatency = Simulation.shortLatency
  static let shortLatency: Int64 = 1_000
  /// Messages between cores so far.
  var permitMessages = 0
  /// What becomes of one on its way, for tests of the tests; nil = what was sent.
  var permitFault: ((PermitMessage) -> PermitMessage)?
  /// The client of a scenario, when the run follows one.
  var script: ScriptedClient?
  /// Of clients' requests, by the core that they go to; no two nodes have the same.
  var requestNumbers: [TaggedNumbers]
  /// Replies to requests of the simulation itself.
  var probes: [RequestID: Reply?] = [:]
  /// Requests that deliver messages, and who hears of their replies.
  var receipts: [RequestID: Receipt] = [:]
  /// What watchers were shown last.
  var watched: [MachineID: Watched] = [:]
  var inputs = 0
  var turns = 0
  var effectsInTurn: [Effect] = []

  /// - Parameter without: safeguards of the database that this world lacks, for tests of the tests.
  package convenience init(seed: UInt64, without: Set<Safeguard> = []) {
    self.init(seed: seed, without: without, decisions: nil)
  }

  /// - Parameters:
  ///   - drawn: the world, nil = drawn from the seed.
  ///   - decisions: the requests and faults of the run, others are left out; nil = all.
  init(
    seed: UInt64, without: Set<Safeguard>, decisions: Decisions?, world drawn: World? = nil
  ) {
    self.seed = seed
    self.without = without
    self.decisions = decisions
    var random = RandomSource(seed: seed)
    let world = drawn ?? World(random: &random)
    self.world = world
    plan = FaultPlan(random: &random)
    plan.allowed = decisions?.strikes
    workload = Workload(world: world, random: &random)
    processor = SimulatedProcessor(world: world)
    storage = SimulatedStorage(
      shards: world.configuration.shards, namespaces: world.namespaces)
    namespaces = world.namespaces
    for record in world.namespaces {
      ledger.traceLevels[ExactText(record.namespace.name)] =
        record.namespace.trace.level ?? TraceOptions.defaultLevel
    }
    widest = world.namespaces.map { Simulation.bounds(of: $0.namespace) }
    isEndpointUp = world.namespaces.map { _ in true }
    waitingInvocations = world.namespaces.map { _ in [] }
    waitingNodes = world.namespaces.map { _ in [] }
    requestNumbers = (0..<world.cores).map { TaggedNumbers(of: CoreNumber($0)) }
    self.random = random
    for number in 0..<world.nodes {
      let node = SimulatedNode(number: number)
      node.wallOffset = self.random.within(-400_000...400_000)
      nodes.append(node)
    }
  }

  /// Every line of the trace goes here as it is made, from now on.
  public func record(to sink: (@Sendable (String) -> Void)?) {
    trace.isRecording = true
    trace.sink = sink
  }

  /// The trace without what is routine, from now on.
  func recordBriefly() {
    trace.isRecording = true
    trace.isBrief = true
  }

  /// Keeps what is decided, so that the run can be shrunk.
  func recordDecisions() { plan.isRecording = true }

  /// Runs both phases; `inputs` is the length of the first. Never throws: what goes wrong stands in
  /// the report.
  public func run(inputs limit: Int) -> SimulationReport {
    var violation: Violation?
    do throws(Violation) {
      begin()
      try runUntilEnd(inputs: limit)
      phaseEnd = agenda.now
      try runUntilQuiet()
    } catch {
      violation = error
    }
    return SimulationReport(
      seed: seed, inputs: inputs, microseconds: agenda.now, hash: trace.hash,
      violation: violation, lastLines: trace.last,
      faults: Dictionary(uniqueKeysWithValues: zip(FaultKind.allCases, plan.counts)),
      committedSteps: ledger.committedSteps, deliveredNotifications: ledger.deliveredNotifications,
      firedTimers: ledger.firedTimers, cores: Int(world.cores), permitMessages: permitMessages,
      answeredRequests: ledger.answeredRequests,
      decisions: Decisions(
        requests: sentArrivals, strikes: plan.strikes, end: phaseEnd ?? agenda.now))
  }

  /// The phase of faults: ends with a number of inputs, or at the time that was decided.
  private func runUntilEnd(inputs limit: Int) throws(Violation) {
    // A world whose nodes are down or frozen most of the time ends by what happens around them.
    var rest = limit < .max / 20 ? 20 * limit : .max
    while let time = agenda.nextTime {
      if let end = decisions?.end {
        if time > end { return }
      } else if time > agenda.now, inputs >= limit || rest <= 0 {
        return
      }
      rest -= 1
      try next()
    }
  }

  /// Chance begins anew with each occurrence, from its time: what is left out of a run changes
  /// nothing of what happens at other times.
  func next() throws(Violation) {
    let before = agenda.now
    guard let occurrence = agenda.next() else { return }
    occurrencesAtOnce = agenda.now == before ? occurrencesAtOnce + 1 : 0
    random = RandomSource(seed: seed, UInt64(agenda.now), occurrencesAtOnce)
    try happen(occurrence)
  }

  private func begin() {
    trace.line(at: agenda.now, node: nil, "world \(world)")
    for node in nodes { start(node) }
    agenda.plan(.arrival, after: world.arrivalInterval)
    for kind in FaultKind.allCases { planFault(kind) }
  }

  func happen(_ occurrence: Occurrence) throws(Violation) {
    switch occurrence {
    case .input(let node, let life, let input):
      if let node = alive(node, life) { deliver(input, to: node) }
    case .turn(let node, let life, let core):
      if let core = alive(node, life, core) { try turn(core) }
    case .wake(let node, let life, let core, let serial):
      if let core = alive(node, life, core), core.wakeSerial == serial {
        deliver(.timePassed, to: core)
      }
    case .read(let node, let life, let read):
      if let node = alive(node, life) { perform(read, for: node) }
    case .transmission(let number): try transmission(number)
    case .writer(let node, let life, let slot, let attempt, let stage):
      if let node = alive(node, life) { writer(stage, slot: slot, attempt, node) }
    case .failover: failOver()
    case .endSessions(let identity): endSessions(of: identity)
    case .invocation(let number): reach(number)
    case .outcome(let number, let outcome): answer(number, outcome)
    case .heartbeat(let node, let identity): heartbeat(nodes[node], identity)
    case .renewal(let node, let identity, let sentAt): renew(nodes[node], identity, sentAt: sentAt)
    case .leaseGone(let node, let identity): leaseGone(nodes[node], identity)
    case .register(let node, let life): if let node = alive(node, life) { register(node) }
    case .scan(let node, let identity): scan(nodes[node], identity)
    case .release(let node, let identity, let shards): release(nodes[node], identity, shards)
    case .expel(let node, let identity): try expel(nodes[node], identity)
    case .restart(let node): if !nodes[node].isUp { start(nodes[node]) }
    case .endpoint(let namespace, let up): endpoint(namespace, isUp: up)
    case .look(let node, let life): if let node = alive(node, life) { tellNamespaces(node) }
    case .resumption(let index): resumeNamespace(index)
    case .storageBack: break
    case .arrival: if script == nil { arrive() } else { goOn() }
    case .cancel(let id): cancel(id)
    case .overdue(let id): try overdue(id)
    case .fault(let kind): try strike(kind)
    }
  }

  /// The node, when it still lives the life that something was meant for.
  func alive(_ number: Int, _ life: Int) -> SimulatedNode? {
    let node = nodes[number]
    return node.isUp && node.life == life ? node : nil
  }

  /// A loop of the node, likewise.
  func alive(_ number: Int, _ life: Int, _ core: CoreNumber) -> SimulatedCore? {
    alive(number, life)?.cores[Int(core.number)]
  }

  /// Whether the simulated database and its writers keep this safeguard.
  func isOn(_ safeguard: Safeguard) -> Bool { safeguard.isOn && !without.contains(safeguard) }

  var isStorageOut: Bool { agenda.now < storageOutageUntil }

  func moment(of node: SimulatedNode) -> Moment {
    Moment(wall: wall.advanced(byMicroseconds: node.wallOffset), uptime: agenda.now)
  }

  /// The time of day of the database.
  var wall: Timestamp {
    Timestamp(microseconds: 1_700_000_000_000_000 + agenda.now)
  }

  static func bounds(of namespace: Namespace) -> Ledger.Widest {
    let calls = namespace.processor.maxInFlight
    return Ledger.Widest(
      mailbox: Int(namespace.limits.mailbox ?? Limits.defaultMailbox),
      steps: Int(namespace.limits.stepsInFlight ?? Limits.defaultStepsInFlight),
      calls: Int(calls > 0 ? calls : ProcessorOptions.defaultMaxInFlight),
      notifications: Int(namespace.limits.notifications ?? Limits.defaultNotifications))
  }

  func namespaceIndex(_ number: NamespaceNumber) -> Int { Int(number.number) - 1 }

  func namespaceIndex(named name: String) -> Int? {
    namespaces.firstIndex { $0.namespace.name.isExactly(name) }
  }
}
