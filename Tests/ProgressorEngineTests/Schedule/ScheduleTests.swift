import MachineModel
import Testing

@testable import ProgressorEngine

@Suite("Crowds of due machines")
struct TurnsTests {
  /// An engine on a database whose machines were made by it, with processors that answer when they
  /// are told to.
  private final class World {
    private var engine: Engine
    private var database = ScenarioDatabase()
    private var uptime: Int64 = 0
    /// By so much the time of day was set back, in microseconds.
    var setBack: Int64 = 0
    private var lastRequest: UInt64 = 0
    /// What the processors of the namespaces work on.
    private(set) var open: [Invocation] = []
    /// Machines whose timeouts were handed to a processor, in that order.
    private(set) var timeouts: [String] = []
    private(set) var mostOpen = 0
    private(set) var mostLoads = 0
    private(set) var endpointsAwaited = 0
    var isDelayed = false
    private var delayed: [BatchID] = []

    init(page: Int, residentBytes: Int = 256 << 20) {
      var configuration = EngineConfiguration()
      configuration.shards = 1
      configuration.slots = 1
      configuration.lookAheadPage = page
      configuration.residentBytes = residentBytes
      engine = Engine(configuration: configuration)
      let namespaces = ["crowd", "other"].enumerated().map { index, name in
        NamespaceRecord(
          number: NamespaceNumber(Int32(index + 1)),
          namespace: Namespace(
            name: name, processor: ProcessorOptions(endpoint: "127.0.0.1:1", maxInFlight: 2),
            limits: Limits(stepsInFlight: 3)))
      }
      play(
        .namespacesChanged(namespaces), .leaseRenewed(until: .max),
        .shardsAcquired([ShardGrant(shard: ShardID(0), epoch: 1)]))
    }

    private var now: Moment {
      Moment(
        wall: Timestamp(microseconds: 1_700_000_000_000_000 + uptime - setBack), uptime: uptime)
    }

    func play(_ inputs: Input...) {
      var inputs = inputs
      while !inputs.isEmpty {
        var effects: [Effect] = []
        for input in inputs { engine.handle(input, now: now, into: &effects) }
        engine.flush(now: now, into: &effects)
        let loads = effects.filter { if case .load = $0 { true } else { false } }
        mostLoads = max(mostLoads, loads.count)
        inputs = effects.compactMap { answer($0) }
      }
    }

    private func answer(_ effect: Effect) -> Input? {
      switch effect {
      case .load(let load): return .loaded(load.id, .success(database.answer(load)))
      case .readDue(let query): return .due(query, database.due(query))
      case .commit(let batch):
        if isDelayed {
          delayed.append(batch.id)
          return .commitDelayed(batch.id)
        }
        database.apply(batch)
        return .committed(batch.id)
      case .invoke(let invocation):
        var answer = ProcessorAnswer()
        switch invocation.stimulus {
        case .signal(.initialize):
          answer.action.timer = .set(TimerSetting(when: .timeout(microseconds: 1_000_000)))
          return .processorAnswered(invocation.step, attempt: 1, .answered(answer))
        case .signal(.timeout):
          timeouts.append(invocation.machine.machineID.id)
        default: break
        }
        open.append(invocation)
        let crowd = open.count { $0.machine.machineID.namespace == "crowd" }
        mostOpen = max(mostOpen, crowd)
        return nil
      case .awaitEndpoint:
        endpointsAwaited += 1
        return nil
      case .reply, .list, .wake, .callOff: return nil
      }
    }

    func start(_ id: String, in namespace: String = "crowd") {
      lastRequest += 1
      play(
        .request(
          Request(
            id: RequestID(lastRequest), machine: MachineID(namespace: namespace, id: id),
            operation: .start(args: [], key: nil), deadline: .max)))
    }

    /// Everything that was started is due.
    func pass(seconds: Int64) {
      uptime += seconds * 1_000_000
      play(.timePassed)
    }

    /// The processors end what they work on, one after the other, until nothing more comes.
    func finish(_ outcome: ProcessorOutcome = .answered(ProcessorAnswer()), atMost: Int = .max) {
      var count = 0
      while count < atMost, !open.isEmpty {
        count += 1
        let invocation = open.removeFirst()
        play(.processorAnswered(invocation.step, attempt: invocation.attempt, outcome))
      }
    }

    func statistics(_ name: String = "crowd") throws -> NamespaceStatistics {
      try #require(engine.takeStatistics(at: uptime).namespaces.first { $0.name == name })
    }

    func landDelayedCommits() {
      isDelayed = false
      let ids = delayed
      delayed = []
      for id in ids { play(.committed(id)) }
    }
  }

  private static let crowd = (0..<50).map { "m\($0)" }

  @Test(
    "All that is due runs once, no more at a time than the namespace's limits, from memory or not",
    arguments: [256 << 20, 0])
  func limits(residentBytes: Int) throws {
    let world = World(page: 1_000, residentBytes: residentBytes)
    for id in Self.crowd { world.start(id) }
    world.pass(seconds: 2)
    #expect(try world.statistics().active == 3)
    #expect(try world.statistics().due == 47)
    world.finish()
    #expect(world.timeouts.sorted() == Self.crowd.sorted())
    #expect(world.mostOpen == 2)
    #expect(world.mostLoads <= 3)
    let statistics = try world.statistics()
    #expect(statistics.active == 0 && statistics.due == 0 && !statistics.hasBacklog)
    #expect(statistics.counts.steps(.timeout, .committed) == 50)
  }

  @Test("More than memory holds is read again from the database, a part at a time")
  func backlog() throws {
    let world = World(page: 4)
    for id in Self.crowd { world.start(id) }
    world.pass(seconds: 2)
    #expect(try world.statistics().due <= 8)
    #expect(try world.statistics().hasBacklog)
    world.finish()
    #expect(world.timeouts.sorted() == Self.crowd.sorted())
    #expect(world.mostOpen == 2)
    #expect(try !world.statistics().hasBacklog)
  }

  @Test("A clock that is set back leaves nothing behind of what memory does not hold")
  func backlogAndClock() throws {
    let world = World(page: 4)
    for id in Self.crowd { world.start(id) }
    world.pass(seconds: 2)
    #expect(try world.statistics().hasBacklog)
    world.setBack = 1_500_000
    world.finish()
    for _ in 0..<20 {
      world.pass(seconds: 1)
      world.finish()
    }
    #expect(world.timeouts.sorted() == Self.crowd.sorted())
    #expect(try !world.statistics().hasBacklog)
  }

  @Test("A namespace whose processor answers nothing holds up no other namespace's timers")
  func neighbours() throws {
    let world = World(page: 4)
    for id in Self.crowd { world.start(id) }
    world.pass(seconds: 2)
    world.start("late", in: "other")
    world.pass(seconds: 2)
    #expect(world.timeouts.contains("late"))
    #expect(try world.statistics("other").due == 0)
  }

  @Test("What waited for an endpoint comes back at the rate of the limits")
  func outage() throws {
    let world = World(page: 4)
    for id in Self.crowd { world.start(id) }
    world.pass(seconds: 2)
    world.finish(.unreachable(message: "down"))
    #expect(world.endpointsAwaited == 1)
    #expect(try world.statistics().active == 0)
    #expect(try world.statistics().parked > 2)
    let before = world.timeouts.count
    world.play(.endpointReady(NamespaceNumber(1)))
    #expect(world.open.count == 2)
    world.finish()
    #expect(world.timeouts.count == before + 50)
    #expect(world.mostOpen == 2)
  }

  @Test("While the database takes nothing, nothing more is let in")
  func storageAway() throws {
    let world = World(page: 1_000)
    for id in Self.crowd { world.start(id) }
    world.isDelayed = true
    world.pass(seconds: 2)
    world.finish()
    #expect(world.timeouts.count <= 3)
    world.landDelayedCommits()
    for _ in 0..<5 {
      world.finish()
      world.pass(seconds: 1)
    }
    #expect(Set(world.timeouts) == Set(Self.crowd))
    #expect(try world.statistics().due == 0)
  }
}
