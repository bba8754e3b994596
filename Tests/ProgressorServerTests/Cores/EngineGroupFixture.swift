import Logging
import MachineModel
import NIOCore
import NIOPosix
import ProgressorEngine
import Testing

@testable import ProgressorServer

/// Several engines on loops of their own, with a storage that the test plays.
struct EngineGroupFixture {
  static let shards: Int32 = 8

  let threads: MultiThreadedEventLoopGroup
  let group: EngineGroup
  let dispatcher: Dispatcher
  let storage = StorageProbe()

  init(cores: Int, observers: [any InputObserver] = []) {
    threads = MultiThreadedEventLoopGroup(numberOfThreads: cores)
    let loops = threads.makeIterator().enumerated().map { index, eventLoop in
      EngineLoop(
        CoreNumber(Int32(index)), eventLoop: eventLoop, maximumRequests: 100, clock: NodeClock())
    }
    group = EngineGroup(loops, observers: observers)
    dispatcher = Dispatcher(group, shards: Self.shards)
  }

  /// Starts one engine; the others are those of a process whose loops come later.
  func start(_ core: Int) async throws {
    let (group, storage) = (group, storage)
    let (loop, part) = (group.loops[core], group.part(core))
    var configuration = EngineConfiguration()
    configuration.shards = Self.shards
    try await loop.eventLoop.submit { [configuration] in
      loop.start(
        configuration.share(of: part),
        EngineDriver.Outside(
          storage: storage, processors: NoProcessors(), submit: { loop.submit($0) },
          send: { group.submit(.permits($0)) }, deliver: { _, _ in },
          lossHandled: { if group.lossHandled(by: part.core) { storage.lossHandled() } },
          logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
    }.get()
  }

  func start() async throws {
    for core in group.loops.indices { try await start(core) }
  }

  /// A lease of an hour, one namespace, every shard.
  func own() {
    group.submit(.leaseRenewed(until: NodeClock.uptime() + 3_600_000_000))
    let record = NamespaceRecord(
      number: NamespaceNumber(1),
      namespace: Namespace(name: "n", processor: ProcessorOptions(endpoint: "127.0.0.1:1")))
    group.submit(.namespacesChanged([record]))
    group.submit(
      .shardsAcquired((0..<Self.shards).map { ShardGrant(shard: ShardID($0), epoch: 1) }))
  }

  /// Asks for a machine that is not there.
  func get(_ id: String) -> ReplyProbe {
    let machine = MachineID(namespace: "n", id: id)
    let request = Request(
      id: dispatcher.newRequestID(for: machine), machine: machine, operation: .get(range: nil),
      deadline: NodeClock.uptime() + 60_000_000)
    let probe = ReplyProbe(id: request.id, eventLoop: threads.next())
    #expect(dispatcher.submit(request, replyTo: probe))
    return probe
  }

  /// Everything that was handed over so far is handled.
  func settle() async throws {
    for loop in group.loops { try await loop.eventLoop.submit {}.get() }
  }

  func stop() async throws { try await threads.shutdownGracefully() }
}
