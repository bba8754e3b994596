package import MachineModel
package import ProgressorEngine

/// An engine and all that it talks to: the one way in which tests drive an engine.
///
///     let world = World()
///     world.start("m")
///     world.processor.holds = true
///     let call = world.call("m", within: .seconds(3))
///     world.now += .seconds(3)
///     #expect(world.replies[call]?.error?.code == .deadlineExceeded)
///
/// The database answers at once, the processors answer OK, and time stands still: but for what a
/// test says otherwise. What is held back waits until the test takes it (`loads()`, `calls()`,
/// `commits()`) and says how it ends, or lets all of it go on (`release()`).
package final class World {
  package var engine: Engine
  package var database = TestDatabase()
  package var processor = TestProcessor()
  /// What takes messages to their targets.
  package var relay = TestRelay()
  /// The last reply to each request; a test that asks many times may empty it.
  package var replies: [RequestID: Reply] = [:]
  /// Namespaces whose endpoints the engine waits for, once for each time that it said so.
  package private(set) var endpointsAwaited: [NamespaceNumber] = []
  /// Sees the effects of each turn before they are performed.
  package var watch: ([Effect]) -> Void = { _ in }

  private let configuration: EngineConfiguration
  private var time = Moment(wall: World.beginning, uptime: 0)
  /// When the engine asked to be woken, on `Moment.uptime`.
  private var wakeAt: Int64?
  /// What comes to the engine by itself, on `Moment.uptime`.
  private var coming: [(at: Int64, input: Input)] = []
  private var lastRequest: UInt64 = 0

  /// The time of day when a world begins.
  package static let beginning = Timestamp(microseconds: 1_700_000_000_000_000)

  /// - Parameters:
  ///   - namespaces: numbered from 1 in their order.
  ///   - begins: false = the engine has heard nothing yet; see `begin()`.
  ///   - configure: one shard and one writer unless it says otherwise.
  package init(
    _ namespaces: [Namespace] = [.named("n")], begins: Bool = true,
    configure: (inout EngineConfiguration) -> Void = { _ in }
  ) {
    var configuration = EngineConfiguration()
    configuration.shards = 1
    configuration.slots = 1
    configure(&configuration)
    self.configuration = configuration
    self.namespaces = namespaces
    engine = Engine(configuration: configuration)
    if begins { begin() }
  }

  /// The engine hears of the namespaces, and has a lease without end and every shard.
  package func begin(epoch: Int64 = 1) {
    play([
      .namespacesChanged(records), .leaseRenewed(until: .max), .shardsAcquired(grants(epoch)),
    ])
  }

  /// The process ends and another begins: what waited for an answer is lost, the database is not.
  package func restart(epoch: Int64) {
    forgetHeld()
    (coming, wakeAt) = ([], nil)
    engine = Engine(configuration: configuration)
    begin(epoch: epoch)
  }

  /// The engine hears of every change.
  package var namespaces: [Namespace] {
    didSet { play([.namespacesChanged(records)]) }
  }

  private var records: [NamespaceRecord] {
    namespaces.enumerated().map { index, namespace in
      NamespaceRecord(number: NamespaceNumber(Int32(index + 1)), namespace: namespace)
    }
  }

  /// Every shard.
  package var shards: [ShardID] { (0..<configuration.shards).map { ShardID($0) } }

  /// Every shard under this epoch.
  package func grants(_ epoch: Int64) -> [ShardGrant] {
    shards.map { ShardGrant(shard: $0, epoch: epoch) }
  }

  /// Hands inputs over as one turn, and plays what follows to its end, turn by turn.
  package func play(_ first: [Input]) {
    var inputs = first
    while !inputs.isEmpty {
      var effects: [Effect] = []
      for input in inputs { engine.handle(input, now: now, into: &effects) }
      engine.flush(now: now, into: &effects)
      watch(effects)
      inputs = effects.compactMap { perform($0) }
    }
  }

  /// What follows from an effect at once.
  private func perform(_ effect: Effect) -> Input? {
    switch effect {
    case .reply(let id, let reply):
      if let receipt = relay.receipt(id, reply) { return receipt }
      replies[id] = reply
    case .load(let load): return database.take(load).map { .loaded(load.id, .success($0)) }
    case .readDue(let query):
      let input = Input.due(query, database.due(query))
      if database.lookAheadTakes == .zero { return input }
      coming.append((now.uptime + database.lookAheadTakes.microseconds, input))
    case .commit(let batch):
      if database.take(batch) { return .committed(batch.id) }
      return database.isAway ? .commitDelayed(batch.id) : nil
    case .invoke(let invocation):
      return processor.take(invocation).map {
        .processorAnswered(invocation.step, attempt: invocation.attempt, $0)
      }
    case .awaitEndpoint(let namespace): endpointsAwaited.append(namespace)
    case .sendPermits(let message): return .permits(message)
    case .wake(let at): wakeAt = at
    case .readTrace(let id, _, let machine, let query):
      return .traceRead(id, .success(database.trace(machine, query)))
    case .readMessages(let query): return .messagesDue(query, .success(database.due(query)))
    case .loadMessages(let load):
      let input = Input.messagesLoaded(load.id, .success(database.answer(load)))
      if database.messageLoadTakes == .zero { return input }
      coming.append((now.uptime + database.messageLoadTakes.microseconds, input))
    case .deliver(let delivery): return relay.take(delivery, as: nextRequestID(), now)
    case .list, .callOff: break
    }
    return nil
  }

  /// The number of the namespace with this name; 0 = there is none.
  package func number(of namespace: String) -> NamespaceNumber {
    let index = namespaces.firstIndex { $0.name == namespace }
    return NamespaceNumber(Int32((index ?? -1) + 1))
  }

  /// Puts a machine that is due then into the database, past the engine.
  package func store(_ id: String, in namespace: String = "n", due: Timestamp) {
    database.store(
      MachineID(namespace: namespace, id: id), shards: configuration.shards,
      in: number(of: namespace), due: due)
  }

  func nextRequestID() -> RequestID {
    lastRequest += 1
    return RequestID(lastRequest)
  }

  package func statistics() -> EngineStatistics { engine.takeStatistics(at: now.uptime) }

  /// What memory contradicts itself in, nil = nothing.
  package func inconsistency() -> String? { engine.inconsistency() }
}

/// Time.
extension World {
  /// Time that passes lets the engine sleep until then, and wakes it: `now += .seconds(3)`. To set
  /// only the time of day (`now.wall`) wakes nobody.
  package var now: Moment {
    get { time }
    set {
      let passes = newValue.uptime > time.uptime
      time = newValue
      if passes { play(arrived() + [.timePassed]) }
    }
  }

  /// Time passes, and the engine is woken each time that it asked for it.
  package func run(for duration: Duration) {
    let end = now + duration
    while let next = [wakeAt, coming.map(\.at).min()].compactMap({ $0 }).min(), next <= end.uptime {
      time += .microseconds(max(0, next - now.uptime))
      var inputs = arrived()
      if let at = wakeAt, at <= now.uptime {
        wakeAt = nil
        inputs.append(.timePassed)
      }
      play(inputs)
    }
    time += .microseconds(end.uptime - now.uptime)
  }

  private func arrived() -> [Input] {
    let inputs = coming.filter { $0.at <= now.uptime }.map(\.input)
    coming.removeAll { $0.at <= now.uptime }
    return inputs
  }
}

extension Namespace {
  /// A namespace with a processor.
  package static func named(
    _ name: String, limits: Limits = Limits(), maxInFlight: Int32 = 0, timeout: Int64? = nil
  ) -> Namespace {
    Namespace(
      name: name,
      processor: ProcessorOptions(
        endpoint: "127.0.0.1:1", timeout: timeout, maxInFlight: maxInFlight),
      limits: limits)
  }
}

extension Moment {
  /// That much later on both clocks.
  package static func + (moment: Moment, duration: Duration) -> Moment {
    Moment(
      wall: moment.wall.advanced(byMicroseconds: duration.microseconds),
      uptime: moment.uptime + duration.microseconds)
  }

  package static func += (moment: inout Moment, duration: Duration) { moment = moment + duration }
}

extension Duration {
  /// Whole microseconds, as the engine counts time.
  package var microseconds: Int64 {
    components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
  }
}
