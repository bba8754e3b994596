import GRPC
import Logging
import MachineModel
import NIOCore
import NIOPosix
import ProgressorEngine
import Testing

@testable import ProgressorServer

@Suite("The directory of processors", .timeLimit(.minutes(1)))
struct ProcessorDirectoryTests {
  /// What an invocation with this much of its caller's metadata comes to, at a processor that takes
  /// header fields of 700 bytes together.
  private func outcome(metadataBytes: Int, isAwaited: Bool) async throws -> ProcessorOutcome? {
    let script = ProcessorScript(ProcessorScript.record)
    var router = Router()
    script.register(in: &router)
    var configuration = GRPC.ServerConfiguration()
    configuration.http2.headers.announcedListSize = 700
    let processor = GRPCServer(router: router, configuration: configuration)
    let endpoint = try await processor.start([.tcp(host: "127.0.0.1", port: 0)])[0]
    let context = CallerContext([
      .init(name: "x-tenant", value: String(repeating: "t", count: metadataBytes))
    ])
    let (inputs, told) = AsyncStream<Input>.makeStream()
    let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
    let directory = try await eventLoop.submit {
      let directory = ProcessorDirectory(
        eventLoop: eventLoop, maximumMessageBytes: 1 << 20,
        outages: ProcessorOutages(logger: NodeFixture.quiet), logger: NodeFixture.quiet
      ) { told.yield($0) }
      let number = NamespaceNumber(1)
      let namespace = Namespace(name: "n", processor: ProcessorOptions(endpoint: "\(endpoint)"))
      directory.namespacesChanged([NamespaceRecord(number: number, namespace: namespace)])
      directory.invoke(
        Invocation(
          step: StepID(1), attempt: 1, namespace: number, stimulus: .signal(.timeout),
          machine: Machine(
            machineID: MachineID(namespace: "n", id: "a"), createdAt: Timestamp(microseconds: 1)),
          stepToken: "token", epoch: 1, deadline: NodeClock.uptime() + 30_000_000,
          timeout: 30_000_000, context: context, waitsForEndpoint: isAwaited),
        now: NodeClock().now())
      return NIOLoopBound(directory, eventLoop: eventLoop)
    }.get()
    var outcome: ProcessorOutcome?
    for await case .processorAnswered(_, _, let answer) in inputs {
      outcome = answer
      break
    }
    try await eventLoop.submit { directory.value.close() }.get()
    await processor.stop(grace: .zero)
    return outcome
  }

  @Test("what a caller left with a timer, and its processor does not take, is left out")
  func storedContext() async throws {
    for bytes in [10, 1_000] {
      let outcome = try await outcome(metadataBytes: bytes, isAwaited: false)
      #expect(outcome == .answered(try ProcessorScript.record(timeout)))
    }
  }

  @Test("who waits is told that its metadata are too large")
  func awaited() async throws {
    let outcome = try await outcome(metadataBytes: 1_000, isAwaited: true)
    guard case .lost(.resourceExhausted, let message) = outcome else {
      Issue.record("\(String(describing: outcome))")
      return
    }
    #expect(message.contains("the peer takes 700"))
  }

  private var timeout: Asked {
    Asked(
      stimulus: .signal(.timeout),
      machine: Machine(
        machineID: MachineID(namespace: "n", id: "a"), createdAt: Timestamp(microseconds: 1)),
      metadata: Metadata())
  }
}
