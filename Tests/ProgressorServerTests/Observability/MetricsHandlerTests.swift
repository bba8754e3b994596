import Logging
import NIOCore
import NIOPosix
import Testing

@testable import GRPC
@testable import ProgressorServer

@Suite("The endpoint of metrics")
struct MetricsHandlerTests {
  /// What the endpoint answers to these bytes, until it closes the connection.
  private func answer(_ request: String, obstacle: String? = nil) async throws -> String {
    let group = MultiThreadedEventLoopGroup.singleton
    let endpoint = try await MetricsEndpoint.start(
      .tcp(host: "127.0.0.1", port: 0), group: group, logger: Logger(label: "test"),
      obstacle: { obstacle },
      render: { group.any().makeSucceededFuture("a 1\n") })
    guard case .tcp(_, let port) = endpoint.address else { return "" }
    let collector = Collector()
    let channel = try await ClientBootstrap(group: group)
      .channelInitializer { $0.pipeline.addHandler(collector) }
      .connect(host: "127.0.0.1", port: port).get()
    try? await channel.writeAndFlush(ByteBuffer(string: request))
    try await channel.closeFuture.get()
    await endpoint.stop()
    return try await channel.eventLoop.submit { collector.text }.get()
  }

  private final class Collector: ChannelInboundHandler, @unchecked Sendable {
    // Safe: touched on its channel's loop only.
    typealias InboundIn = ByteBuffer
    var text = ""

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      text += String(buffer: unwrapInboundIn(data))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      context.close(promise: nil)
    }
  }

  @Test("answers GET and HEAD, with its length, and closes")
  func get() async throws {
    let get = try await answer("GET /metrics?x=1 HTTP/1.1\r\nhost: a\r\n\r\n")
    #expect(get.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(get.contains("content-length: 4\r\n") && get.hasSuffix("\r\n\r\na 1\n"))
    let head = try await answer("HEAD /metrics HTTP/1.1\r\nhost: a\r\n\r\n")
    #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n") && head.hasSuffix("\r\n\r\n"))
    #expect(head.contains("content-length: 4\r\n"))
  }

  @Test("says whether the process lives, and whether machines are served or why not")
  func probes() async throws {
    let (live, ready) = ("GET /livez HTTP/1.1\r\n\r\n", "GET /readyz HTTP/1.1\r\n\r\n")
    for request in [live, ready] {
      let answer = try await answer(request)
      #expect(answer.hasPrefix("HTTP/1.1 200 ") && answer.hasSuffix("\r\n\r\nok\n"))
    }
    #expect(try await answer(live, obstacle: "why").hasPrefix("HTTP/1.1 200 "))
    let answer = try await answer(ready, obstacle: "why")
    #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.hasSuffix("\r\n\r\nwhy\n"))
  }

  @Test(
    "answers anything else with the error that it is",
    arguments: [
      ("GET / HTTP/1.1\r\nhost: a\r\n\r\n", "HTTP/1.1 404 "),
      ("GET /metricsx HTTP/1.1\r\nhost: a\r\n\r\n", "HTTP/1.1 404 "),
      ("POST /metrics HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}", "HTTP/1.1 405 "),
      ("nonsense\r\n\r\n", "HTTP/1.1 400 "),
    ])
  func errors(request: String, answered: String) async throws {
    #expect(try await answer(request).hasPrefix(answered))
  }

  @Test("Those who connect and say nothing keep nobody out: the oldest makes room")
  func silent() async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    let endpoint = try await MetricsEndpoint.start(
      .tcp(host: "127.0.0.1", port: 0), group: group, logger: Logger(label: "test"),
      obstacle: { nil }, render: { group.any().makeSucceededFuture("") })
    guard case .tcp(_, let port) = endpoint.address else { return }
    var silent: [any Channel] = []
    for _ in 0..<3 * MetricsEndpoint.maximumConnections {
      silent.append(
        try await ClientBootstrap(group: group).connect(host: "127.0.0.1", port: port).get())
    }
    let collector = Collector()
    let channel = try await ClientBootstrap(group: group)
      .channelInitializer { $0.pipeline.addHandler(collector) }
      .connect(host: "127.0.0.1", port: port).get()
    try await channel.writeAndFlush(ByteBuffer(string: "GET /livez HTTP/1.1\r\n\r\n"))
    try await channel.closeFuture.get()
    #expect(try await channel.eventLoop.submit { collector.text }.get().hasPrefix("HTTP/1.1 200 "))
    // The first were closed for those who came after them.
    try await silent[0].closeFuture.get()
    for channel in silent { channel.close(promise: nil) }
    await endpoint.stop()
  }

  @Test("takes no long header and no long body")
  func bounded() async throws {
    let header = String(repeating: "a", count: 200_000)
    let long = try await answer("GET /metrics HTTP/1.1\r\nx: \(header)\r\n\r\n")
    #expect(!long.contains("200 OK"))
    let body = String(repeating: "b", count: 100_000)
    let large = try await answer(
      "GET /metrics HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n\(body)")
    #expect(!large.contains("200 OK"))
  }
}
