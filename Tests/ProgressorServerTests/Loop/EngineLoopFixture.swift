import Logging
import MachineModel
import NIOCore
import NIOPosix
import ProgressorEngine
import Synchronization
import Testing

@testable import ProgressorServer

/// An engine's loop with storage and processors that the test plays.
struct EngineLoopFixture {
  let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  let loop: EngineLoop
  let storage = StorageProbe()

  init() {
    loop = EngineLoop(eventLoop: group.next(), maximumRequests: 100, clock: NodeClock())
  }

  func start(
    processors: @escaping @Sendable () -> any ProcessorPort = { NoProcessors() },
    logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  ) async throws {
    let (loop, storage) = (loop, storage)
    try await loop.eventLoop.submit {
      loop.start(
        EngineConfiguration(),
        EngineDriver.Outside(
          storage: storage, processors: processors(), submit: { loop.submit($0) },
          send: { loop.submit(.permits($0)) }, deliver: { _, _ in },
          lossHandled: { storage.lossHandled() },
          logger: logger))
    }.get()
  }

  func stop() async throws { try await group.shutdownGracefully() }

  /// All shards, one namespace and a lease of an hour.
  var ownership: [Input] {
    let record = NamespaceRecord(
      number: NamespaceNumber(1),
      namespace: Namespace(name: "n", processor: ProcessorOptions(endpoint: "127.0.0.1:1")))
    let grants = (0..<1_024).map { ShardGrant(shard: ShardID($0), epoch: 1) }
    return [
      .leaseRenewed(until: NodeClock.uptime() + 3_600_000_000), .namespacesChanged([record]),
      .shardsAcquired(grants),
    ]
  }

  func makeRequest(
    _ operation: ProgressorEngine.Operation, id: String, _ loop: EngineLoop,
    microseconds: Int64 = 60_000_000
  ) -> Request {
    Request(
      id: loop.newRequestID(), machine: MachineID(namespace: "n", id: id), operation: operation,
      deadline: NodeClock.uptime() + microseconds)
  }

  func request(
    _ operation: ProgressorEngine.Operation, id: String, microseconds: Int64 = 60_000_000
  ) -> ReplyProbe {
    let request = makeRequest(operation, id: id, loop, microseconds: microseconds)
    let probe = ReplyProbe(id: request.id, eventLoop: loop.eventLoop)
    #expect(loop.submit(request, replyTo: probe))
    return probe
  }
}

/// Waits for the answer to one request.
final class ReplyProbe: ReplyTarget {
  let id: RequestID
  let eventLoop: any EventLoop
  private let replies: AsyncStream<Reply>
  private let continuation: AsyncStream<Reply>.Continuation
  private let answered = Mutex(false)

  init(id: RequestID, eventLoop: any EventLoop) {
    self.id = id
    self.eventLoop = eventLoop
    (replies, continuation) = AsyncStream.makeStream()
  }

  var isUnanswered: Bool { answered.withLock { !$0 } }

  func send(_ reply: Reply) {
    answered.withLock { $0 = true }
    continuation.yield(reply)
  }

  func value() async throws -> Reply {
    var iterator = replies.makeAsyncIterator()
    return try #require(await iterator.next())
  }
}

/// Storage that only remembers what it is asked for. Look-aheads are answered with nothing due.
final class StorageProbe: StoragePort {
  private let groups: AsyncStream<[Effect]>
  private let continuation: AsyncStream<[Effect]>.Continuation
  private let answering = Mutex<EngineLoop?>(nil)
  private let losses = Atomic<Int>(0)

  init() { (groups, continuation) = AsyncStream.makeStream() }

  /// From now on every load is answered at once: nothing is there.
  func findNothing(_ loop: EngineLoop) { answering.withLock { $0 = loop } }

  func perform(_ effects: [Effect]) {
    if let loop = answering.withLock({ $0 }) {
      for case .load(let request) in effects {
        loop.submit(.loaded(request.id, .success(Loaded())))
      }
      return
    }
    let asked = effects.filter { effect in
      switch effect {
      case .readDue, .readMessages: false
      default: true
      }
    }
    if !asked.isEmpty { continuation.yield(asked) }
  }

  func lossHandled() { losses.wrappingAdd(1, ordering: .relaxed) }

  var handledLosses: Int { losses.load(ordering: .relaxed) }

  func next() async throws -> Effect { try #require(try await nextGroup(of: 1).first) }

  /// The next group, which must have so many effects.
  func nextGroup(of count: Int) async throws -> [Effect] {
    var iterator = groups.makeAsyncIterator()
    let group = try #require(await iterator.next())
    #expect(group.count == count)
    return group
  }
}

/// No processor at all.
final class NoProcessors: ProcessorPort {
  func invoke(_ invocation: Invocation, now: Moment) {}
  func callOff(_ step: StepID, attempt: Int32) {}
  func awaitEndpoint(_ namespace: NamespaceNumber) {}
  func namespacesChanged(_ records: [NamespaceRecord]) {}
  func close() {}
}
