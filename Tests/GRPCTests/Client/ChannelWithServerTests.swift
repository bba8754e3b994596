import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing

@testable import GRPC

/// The client and the server of this module, together.
@Suite(.timeLimit(.minutes(1))) struct ChannelWithServerTests {
  /// The server and where it listens: a Unix socket at `path`, or a port that the system chose.
  private static func server(at path: String? = nil) async throws -> (GRPCServer, SocketAddress) {
    var router = Router()
    router.unary("/test.Service/Method") { request, responder in
      switch String(buffer: request.message) {
      case "fail":
        responder.fail(RPCStatus(code: .aborted, message: "50% ü\n", details: [1, 2, 3]))
      case "remaining":
        let remaining = request.deadline.map { $0 - .now() } ?? .zero
        responder.respond(ByteBuffer(string: "\(remaining.nanoseconds)"))
      default: responder.respond(request.message)
      }
    }
    let server = GRPCServer(router: router, group: .singleton)
    let bound = try await server.start([
      path.map { .unix(path: $0) } ?? .tcp(host: "127.0.0.1", port: 0)
    ])
    switch bound.first {
    case .tcp(let host, let port): return (server, try SocketAddress(ipAddress: host, port: port))
    case .unix(let path): return (server, try SocketAddress(unixDomainSocketPath: path))
    case nil: throw ChannelError.unknownLocalAddress
    }
  }

  @Test("Messages, errors and deadlines arrive as they were meant")
  func roundTrips() async throws {
    let (server, address) = try await Self.server()
    let harness = try ChannelHarness(to: address)
    for message in ["", "hello", String(repeating: "x", count: 3_000_000)] {
      let result = try await harness.call(message)
      #expect(result.text == message)
    }
    let failed = try await harness.call("fail")
    #expect(failed.origin == .peer)
    #expect(failed.status.code == .aborted)
    #expect(failed.status.message == "50% ü\n")
    #expect(failed.status.details == [1, 2, 3])
    let remaining = try await harness.call("remaining", within: .seconds(30))
    let nanoseconds = try #require(remaining.text.flatMap { Int64($0) })
    #expect((1...30_000_000_000).contains(nanoseconds))
    try await harness.stop()
    await server.stop()
  }

  /// On a Unix socket: a port could be another's before the second server takes it.
  @Test("A server that stops in order and comes back loses no call")
  func gracefulRestart() async throws {
    let path = "/tmp/progressor-test-\(UInt64.random(in: 0 ... .max)).sock"
    let (first, address) = try await Self.server(at: path)
    let harness = try ChannelHarness(to: address)
    let isOver = NIOLockedValueBox(false)
    let outcomes = NIOLockedValueBox<[LocalReason?]>([])
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          while !isOver.withLockedValue({ $0 }) {
            let result = try await harness.call(waitForReady: true)
            outcomes.withLockedValue { $0.append(result.localReason) }
          }
        }
      }
      // The callers end whatever happens here, so that the group does.
      defer { isOver.withLockedValue { $0 = true } }
      try await eventually { outcomes.withLockedValue({ $0.count }) >= 100 }
      await first.stop()
      let (second, _) = try await Self.server(at: path)
      let before = outcomes.withLockedValue { $0.count }
      try await eventually { outcomes.withLockedValue({ $0.count }) >= before + 100 }
      isOver.withLockedValue { $0 = true }
      try await group.waitForAll()
      try await harness.stop()
      await second.stop()
    }
    #expect(outcomes.withLockedValue { $0.allSatisfy { $0 == nil } })
  }
}
