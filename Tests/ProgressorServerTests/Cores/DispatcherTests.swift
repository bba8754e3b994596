import MachineModel
import ProgressorEngine
import Synchronization
import Testing

@testable import ProgressorServer

@Suite("Several engines")
struct DispatcherTests {
  @Test("each request is answered by the engine that has the machine, and each has some")
  func requests() async throws {
    let fixture = EngineGroupFixture(cores: 3)
    try await fixture.start()
    fixture.own()
    var asked: Set<CoreNumber> = []
    for number in 0..<30 {
      let reply = fixture.get("m\(number)")
      guard case .load(let load) = try await fixture.storage.next() else {
        Issue.record("a Get of a machine that is not in memory loads it")
        return
      }
      #expect(load.id.core == reply.id.core)
      #expect(ShardPart.core(of: load.shard, cores: 3) == reply.id.core)
      asked.insert(load.id.core)
      fixture.group.submit(.loaded(load.id, .success(Loaded())))
      #expect(try await reply.value() == .error(.machineNotFound(load.machine)))
    }
    #expect(asked.count == 3)
    try await fixture.stop()
  }

  @Test("what concerns no machine goes to each engine that can have shards, in turn")
  func anyCore() async throws {
    let fixture = EngineGroupFixture(cores: 3)
    let few = Dispatcher(fixture.group, shards: 2)
    #expect(Set((0..<6).map { _ in fixture.dispatcher.newRequestID().core.number }) == [0, 1, 2])
    #expect(Set((0..<6).map { _ in few.newRequestID().core.number }) == [0, 1])
    try await fixture.stop()
  }

  @Test("no two requests have the same id, whichever engine gave it")
  func ids() async throws {
    let fixture = EngineGroupFixture(cores: 3)
    let ids = (0..<300).map { _ in fixture.dispatcher.newRequestID() }
    #expect(Set(ids).count == 300)
    try await fixture.stop()
  }

  @Test("a loss of shards is over when every engine has handled it")
  func losses() async throws {
    let fixture = EngineGroupFixture(cores: 2)
    try await fixture.start(0)
    fixture.own()
    fixture.group.submit(.shardsLost([ShardID(0)]))
    fixture.group.submit(.shardsLost([ShardID(2), ShardID(3)]))
    try await fixture.settle()
    #expect(fixture.storage.handledLosses == 0)
    try await fixture.start(1)
    try await fixture.settle()
    #expect(fixture.storage.handledLosses == 2)
    try await fixture.stop()
  }

  @Test("what all engines hold is one sum")
  func statistics() async throws {
    let fixture = EngineGroupFixture(cores: 3)
    #expect(try await fixture.dispatcher.statistics().get() == nil)
    try await fixture.start()
    fixture.own()
    try await fixture.settle()
    let sum = try #require(try await fixture.dispatcher.statistics().get())
    #expect(sum.shards == 8)
    // Of 100,000 requests each engine has its part, rounded up.
    #expect(sum.maximumRequests == 100_002)
    #expect(sum.namespaces.map(\.name) == ["n"])
    let alone = NamespaceStatistics(name: "n", number: NamespaceNumber(1))
    #expect(sum.namespaces[0].maximumMailbox > alone.maximumMailbox)
    try await fixture.stop()
  }

  @Test("a paused namespace is quiet when it is so on each engine")
  func quiet() async throws {
    let fixture = EngineGroupFixture(cores: 3)
    try await fixture.start()
    fixture.own()
    let deadline = NodeClock.uptime() + 60_000_000
    #expect(await fixture.dispatcher.awaitQuiet("n", deadline: deadline) == .quiet)
    let unknown = await fixture.dispatcher.awaitQuiet("other", deadline: deadline)
    #expect(unknown == .error(.namespaceNotFound("other")))
    try await fixture.stop()
  }

  @Test("who watches is told of an input once, after the engines were handed it")
  func observers() async throws {
    let watcher = Watcher()
    let fixture = EngineGroupFixture(cores: 3, observers: [watcher])
    try await fixture.start()
    fixture.own()
    #expect(watcher.seen == 3)
    try await fixture.stop()
  }

  private final class Watcher: InputObserver {
    private let count = Atomic<Int>(0)

    var seen: Int { count.load(ordering: .relaxed) }

    func observe(_ input: Input) {
      switch input {
      case .leaseRenewed, .namespacesChanged, .shardsAcquired:
        count.wrappingAdd(1, ordering: .relaxed)
      // What the engines asked for, and may have been told already.
      default: break
      }
    }
  }
}
