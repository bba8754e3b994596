import MachineModel
import Testing

@testable import ProgressorEngine

@Suite("The gate of a namespace")
struct GateTests {
  /// A namespace that takes one step at a time, on a database that answers when it is told to.
  private final class World {
    private var engine: Engine
    private var uptime: Int64 = 0
    private var lastRequest: UInt64 = 0
    private(set) var loads: [LoadRequest] = []
    private(set) var invocations: [Invocation] = []
    private(set) var replies: [RequestID: Reply] = [:]
    /// Another node has taken the shards over.
    var isFenced = false

    init() {
      var configuration = EngineConfiguration()
      configuration.shards = 1
      engine = Engine(configuration: configuration)
      let namespace = Namespace(
        name: "n", processor: ProcessorOptions(endpoint: "127.0.0.1:1"),
        limits: Limits(stepsInFlight: 1))
      play(
        .namespacesChanged([NamespaceRecord(number: NamespaceNumber(1), namespace: namespace)]),
        .leaseRenewed(until: .max), .shardsAcquired([ShardGrant(shard: ShardID(0), epoch: 1)]))
    }

    func play(_ inputs: Input...) {
      let now = Moment(
        wall: Timestamp(microseconds: 1_700_000_000_000_000 + uptime), uptime: uptime)
      var effects: [Effect] = []
      for input in inputs { engine.handle(input, now: now, into: &effects) }
      engine.flush(now: now, into: &effects)
      for effect in effects {
        switch effect {
        case .load(let load): loads.append(load)
        case .invoke(let invocation): invocations.append(invocation)
        case .reply(let id, let reply): replies[id] = reply
        case .commit(let batch): play(isFenced ? .fenced(batch.id) : .committed(batch.id))
        case .readDue(let query):
          play(
            .due(
              query,
              query.spans.map { .success(DuePage(machines: [], reached: .end(of: $0.until))) }))
        case .list, .awaitEndpoint, .callOff, .wake: break
        }
      }
    }

    /// A Start of a machine that nobody knows yet.
    @discardableResult
    func start(deadline: Int64 = .max) -> RequestID {
      lastRequest += 1
      let id = RequestID(lastRequest)
      play(
        .request(
          Request(
            id: id, machine: MachineID(namespace: "n", id: "m\(lastRequest)"),
            operation: .start(args: [], key: nil), deadline: deadline)))
      return id
    }

    func answerLoads() {
      let waiting = loads
      loads = []
      for load in waiting { play(.loaded(load.id, .success(Loaded()))) }
    }

    func answerInvocation() {
      guard !invocations.isEmpty else { return }
      let invocation = invocations.removeFirst()
      play(
        .processorAnswered(
          invocation.step, attempt: invocation.attempt, .answered(ProcessorAnswer())))
    }

    func pass(_ microseconds: Int64) {
      uptime += microseconds
      play(.timePassed)
    }

    var statistics: EngineStatistics { engine.takeStatistics(at: uptime) }
  }

  @Test("Few machines are read ahead of those that run; all have their turn, in order")
  func bounded() {
    let world = World()
    let ids = (0..<1_000).map { _ in world.start() }
    #expect(world.loads.count == 1 + Gate.maximumAhead)
    var most = 0
    var order: [String] = []
    while world.replies.count < ids.count {
      most = max(most, world.loads.count + world.invocations.count)
      world.answerLoads()
      #expect(world.invocations.count == 1)
      order += world.invocations.map(\.machine.machineID.id)
      world.answerInvocation()
    }
    #expect(most <= 2 + Gate.maximumAhead)
    #expect(order == (1...1_000).map { "m\($0)" })
    #expect(world.replies.values.allSatisfy { $0 == .started })
    #expect(world.statistics.namespaces[0].waiting == 0)
  }

  @Test("What a fence throws out makes room for nobody: another node may be the owner already")
  func fenced() {
    let world = World()
    let ids = [world.start(), world.start()]
    world.answerLoads()
    #expect(world.invocations.count == 1)
    world.isFenced = true
    world.answerInvocation()
    #expect(world.invocations.isEmpty)
    for id in ids {
      guard case .error(let error)? = world.replies[id] else {
        Issue.record("no error")
        continue
      }
      #expect(error.reason == .notOwner)
    }
  }

  @Test("What is dropped while it waits is gone at once, and the next has its turn")
  func dropped() {
    let world = World()
    world.start()
    world.answerLoads()
    #expect(world.invocations.count == 1)
    for _ in 0..<5_000 { world.start(deadline: 1_000) }
    let last = world.start()
    world.answerLoads()
    #expect(world.statistics.namespaces[0].waiting == 5_001)
    world.pass(2_000)
    #expect(world.statistics.requests == 2)
    world.answerLoads()
    #expect(world.statistics.namespaces[0].waiting == 1)
    #expect(world.statistics.machines <= 2)
    world.answerInvocation()
    #expect(world.invocations.map(\.machine.machineID.id) == ["m\(last.number)"])
    world.answerInvocation()
    #expect(world.replies[last] == .started)
  }
}
