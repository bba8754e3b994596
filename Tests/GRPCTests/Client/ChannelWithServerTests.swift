import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing

@testable import GRPC

/// The client and the server of this module, together.
@Suite(.timeLimit(.minutes(1))) struct ChannelWithServerTests {
  private static func server(at port: Int = 0) async throws -> (GRPCServer, SocketAddress) {
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
    let bound = try await server.start([.tcp(host: "127.0.0.1", port: port)])
    guard case .tcp(_, let actual) = bound.first else {
      throw ChannelError.unknownLocalAddress
    }
    return (server, try SocketAddress(ipAddress: "127.0.0.1", port: actual))
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

  @Test(
    "A server that stops in order and comes back loses no call",
    .disabled("now and then the server's stop never returns: not understood yet"))
  func gracefulRestart() async throws {
    let (first, address) = try await Self.server()
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
      while outcomes.withLockedValue({ $0.count }) < 100 { await Task.yield() }
      await first.stop()
      let (second, _) = try await Self.server(at: address.port ?? 0)
      let before = outcomes.withLockedValue { $0.count }
      while outcomes.withLockedValue({ $0.count }) < before + 100 { await Task.yield() }
      isOver.withLockedValue { $0 = true }
      try await group.waitForAll()
      try await harness.stop()
      await second.stop()
    }
    #expect(outcomes.withLockedValue { $0.allSatisfy { $0 == nil } })
  }
}
