import MachineModel
import Testing

@testable import ProgressorEngine

@Suite("Shares of the server's requests")
struct ShareTests {
  /// Namespaces "a" and "b" on an engine that takes so many requests, and whose database is silent.
  private struct World: ~Copyable {
    private var engine: Engine
    private let now = Moment(wall: Timestamp(microseconds: 1_700_000_000_000_000), uptime: 0)
    private var lastRequest: UInt64 = 0
    /// Of the calls so far.
    private var effects: [Effect] = []

    init(maximumRequests: Int) {
      var configuration = EngineConfiguration()
      configuration.shards = 1
      configuration.maximumRequests = maximumRequests
      engine = Engine(configuration: configuration)
      let namespaces = ["a", "b"].enumerated().map { index, name in
        NamespaceRecord(
          number: NamespaceNumber(Int32(index + 1)),
          namespace: Namespace(name: name, processor: ProcessorOptions(endpoint: "127.0.0.1:1")))
      }
      var effects: [Effect] = []
      engine.handle(.namespacesChanged(namespaces), now: now, into: &effects)
      engine.handle(.leaseRenewed(until: .max), now: now, into: &effects)
      engine.handle(
        .shardsAcquired([ShardGrant(shard: ShardID(0), epoch: 1)]), now: now, into: &effects)
    }

    /// How many of so many calls are refused, and with what.
    mutating func call(_ namespace: String, times: Int) -> [ProgressorError] {
      let count = effects.count
      for number in 0..<times {
        lastRequest += 1
        let request = Request(
          id: RequestID(lastRequest),
          machine: MachineID(namespace: namespace, id: "\(namespace)\(number)"),
          operation: .call(args: [], range: nil, key: nil), deadline: 1_000_000)
        engine.handle(.request(request), now: now, into: &effects)
      }
      return effects[count...].compactMap {
        if case .reply(_, .error(let error)) = $0 { error } else { nil }
      }
    }

    /// The callers go away, and what is read for them is answered.
    mutating func cancelAll() {
      for number in 1...lastRequest {
        engine.handle(.cancelled(RequestID(number)), now: now, into: &effects)
      }
      for case .load(let load) in effects {
        var answers: [Effect] = []
        engine.handle(.loaded(load.id, .success(Loaded())), now: now, into: &answers)
      }
      effects = []
    }

    mutating func statistics() -> EngineStatistics { engine.takeStatistics(at: 0) }
  }

  @Test("One namespace holds at most as many requests as it leaves free for the others")
  func share() {
    var world = World(maximumRequests: 100)
    let refused = world.call("a", times: 200)
    #expect(refused.count == 149)
    #expect(refused.allSatisfy { $0.reason == .overloaded && $0.retryPushback != nil })
    #expect(world.call("b", times: 20).isEmpty)
    let statistics = world.statistics()
    #expect(statistics.requests == 71)
    #expect(statistics.namespaces[0].counts.refusals == [149, 0, 0])
    #expect(statistics.namespaces[1].counts.refusals == [0, 0, 0])
  }

  @Test("The server's limit holds for all together, and what ends makes room again")
  func total() {
    var world = World(maximumRequests: 1)
    #expect(world.call("a", times: 1).isEmpty)
    #expect(world.call("b", times: 3).count == 3)
    #expect(world.statistics().counts.requestsRefused == 3)
    // What is read for a caller that goes away has its place until it is read.
    world.cancelAll()
    #expect(world.statistics().requests == 0)
    #expect(world.statistics().namespaces.allSatisfy { $0.requests == 0 })
    #expect(world.call("b", times: 1).isEmpty)
  }
}
