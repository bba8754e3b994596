import HTTP2
import NIOConcurrencyHelpers
import NIOCore
import Testing

@testable import GRPC

/// One call at a time, over a socket.
@Suite(.timeLimit(.minutes(1))) struct ChannelCallTests {
  @Test("A request has the header fields of the gRPC document, in its order")
  func requestHeaders() async throws {
    let seen = NIOLockedValueBox<[String]>([])
    let server = try await ScriptedServer.start { call in
      seen.withLockedValue { $0 = call.headers.map { "\($0.nameString): \($0.valueString)" } }
      call.answer(String(buffer: call.body.getSlice(at: 5, length: 4) ?? ByteBuffer()))
    }
    let harness = try ChannelHarness(to: server.address)
    var metadata = Metadata()
    try metadata.append("x-key", text: "value")
    try metadata.append("x-key-bin", binary: [0xAB])
    let result = try await harness.call(metadata: metadata, within: .seconds(30))
    #expect(result.text == "ping")
    #expect(result.origin == .peer && result.seen && result.localReason == nil)
    var fields = seen.withLockedValue { $0 }
    let timeout = try #require(fields.first { $0.hasPrefix("grpc-timeout: ") })
    #expect(timeout.hasSuffix("u"))
    fields.removeAll { $0 == timeout }
    #expect(
      fields == [
        ":method: POST", ":scheme: http", ":path: /test.Service/Method",
        ":authority: 127.0.0.1:\(server.port)", "te: trailers", "content-type: application/grpc",
        "grpc-accept-encoding: identity,gzip", "user-agent: grpc-swift-nghttp2/1.0",
        "x-key: value", "x-key-bin: qw",
      ])
    try await harness.stop(server)
  }

  @Test(
    "Metadata that cannot be sent end the call at once, whether HTTP/2 or the peer forbids them",
    arguments: [(70_000, 1 << 20), (2_000, 1_000)])
  func unsendable(size: Int, announced: Int) async throws {
    var settings = SessionSettings()
    settings.headers.announcedListSize = announced
    let server = try await ScriptedServer.start(settings: settings)
    let harness = try ChannelHarness(to: server.address)
    var metadata = Metadata()
    try metadata.append("x-large", text: String(repeating: "x", count: size))
    for waitForReady in [false, true] {
      let result = try await harness.call(
        metadata: metadata, within: .seconds(5), waitForReady: waitForReady)
      #expect(result.localReason == .unsendable && !result.seen)
      #expect(result.status.code == .resourceExhausted)
      #expect(result.status.message.contains("header fields"))
    }
    #expect(try await harness.call().text == "hello")
    #expect(server.events.requests == 1 && server.events.connections == 1)
    try await harness.stop(server)
  }

  @Test("An empty request and an empty response are messages")
  func empty() async throws {
    let server = try await ScriptedServer.start { call in
      #expect(Array(buffer: call.body) == [0, 0, 0, 0, 0])
      call.answer("")
    }
    let harness = try ChannelHarness(to: server.address)
    let result = try await harness.call("")
    #expect(result.status.isOK)
    #expect(result.message?.readableBytes == 0)
    try await harness.stop(server)
  }

  @Test("Messages larger than every window pass in both directions")
  func large() async throws {
    var settings = SessionSettings()
    settings.initialWindowSize = 1000
    let server = try await ScriptedServer.start(settings: settings) { call in
      #expect(call.body.readableBytes == 271_828 + 5)
      call.answer(String(repeating: "r", count: 3_141_590))
    }
    var configuration = ChannelHarness.configuration
    configuration.streamWindowSize = 1000
    configuration.connectionWindowSize = 65_535
    let harness = try ChannelHarness(to: server.address, configuration: configuration)
    let result = try await harness.call(String(repeating: "q", count: 271_828))
    #expect(result.message?.readableBytes == 3_141_590)
    try await harness.stop(server)
  }

  @Test("Compressed requests and responses pass")
  func gzip() async throws {
    let text = String(repeating: "abc", count: 10_000)
    let server = try await ScriptedServer.start { call in
      #expect(call.headers.first("grpc-encoding") == "gzip")
      #expect(call.body.readableBytes < 1000)
      call.begin([("grpc-encoding", "gzip")])
      call.write(Array(buffer: call.body))
      call.end([("grpc-status", "0")])
    }
    var configuration = ChannelHarness.configuration
    configuration.requestEncoding = .gzip
    let harness = try ChannelHarness(to: server.address, configuration: configuration)
    let result = try await harness.call(text)
    #expect(result.text == text)
    try await harness.stop(server)
  }

  @Test("The peer's error comes with message, details and trailers")
  func peerError() async throws {
    let server = try await ScriptedServer.start { call in
      call.answerOnlyTrailers([
        ("grpc-status", "9"), ("grpc-message", "t%09%F0%9F%98%88"),
        ("grpc-status-details-bin", "AQI"), ("x-more", "1"),
      ])
    }
    let harness = try ChannelHarness(to: server.address)
    let result = try await harness.call()
    #expect(result.origin == .peer)
    #expect(result.status.code == .failedPrecondition)
    #expect(result.status.message == "t\t😈")
    #expect(result.status.details == [1, 2])
    #expect(result.trailingMetadata.text("x-more") == "1")
    try await harness.stop(server)
  }

  @Test("At the deadline the call ends here, and the peer is told by CANCEL")
  func deadline() async throws {
    let (requests, continuation) = AsyncStream<Void>.makeStream()
    let server = try await ScriptedServer.start { call in
      if call.body.readableBytes == 5 { call.answer("hello") } else { continuation.yield() }
    }
    let harness = try ChannelHarness(to: server.address)
    try await harness.ready()
    let (_, ending) = harness.start(within: .seconds(3))
    for await _ in requests { break }
    let result = try await ending.get()
    #expect(result.status.code == .deadlineExceeded)
    #expect(result.origin == .local && result.localReason == .deadline && result.seen)
    // By the next request the server has read all that was sent before it.
    _ = try await harness.call("")
    #expect(server.events.resets == [.cancel])
    try await harness.stop(server)
  }

  @Test("A deadline that has passed ends the call before it begins")
  func pastDeadline() async throws {
    let harness = try ChannelHarness(to: try await unusedAddress())
    let result = try await harness.call(within: .seconds(-1), waitForReady: true)
    #expect(result.localReason == .deadline && !result.seen)
    #expect(harness.channel.connectivity == .idle)
    try await harness.stop()
  }

  @Test("A cancelled call ends at once, and the peer is told by CANCEL")
  func cancellation() async throws {
    let (requests, continuation) = AsyncStream<Void>.makeStream()
    let server = try await ScriptedServer.start { call in
      if call.body.readableBytes == 5 { call.answer("hello") } else { continuation.yield() }
    }
    let harness = try ChannelHarness(to: server.address)
    let (call, result) = harness.start()
    for await _ in requests { break }
    call.cancel()
    call.cancel()
    let ended = try await result.get()
    #expect(ended.status.code == .cancelled)
    #expect(ended.origin == .local && ended.localReason == .cancelled && ended.seen)
    // By the next request the server has read all that was sent before it.
    _ = try await harness.call("")
    #expect(server.events.resets == [.cancel])
    try await harness.stop(server)
  }

  @Test("A call that is cancelled while it waits was not seen")
  func cancellationInQueue() async throws {
    let harness = try ChannelHarness(to: try await unusedAddress())
    let (call, result) = harness.start(waitForReady: true)
    call.cancel()
    let ended = try await result.get()
    #expect(ended.localReason == .cancelled && !ended.seen)
    try await harness.stop()
  }

  @Test("An oversized response ends the call, and the connection goes on")
  func oversizedMessage() async throws {
    let server = try await ScriptedServer.start { call in
      call.answer(call.number == 1 ? String(repeating: "x", count: 101) : "small")
    }
    var configuration = ChannelHarness.configuration
    configuration.maximumResponseMessageSize = 100
    let harness = try ChannelHarness(to: server.address, configuration: configuration)
    let result = try await harness.call()
    #expect(result.status.code == .resourceExhausted)
    #expect(result.origin == .local && result.localReason == .oversizedMessage && result.seen)
    let next = try await harness.call()
    #expect(next.text == "small")
    #expect(server.events.connections == 1)
    try await harness.stop(server)
  }

  @Test("Oversized header or trailer fields are left out, the peer's status counts")
  func oversizedMetadata() async throws {
    let value = String(repeating: "v", count: 2000)
    let server = try await ScriptedServer.start { call in
      switch call.number {
      case 1:
        call.begin([("x-large", value), ("x-small", "1")])
        call.write(ScriptedCall.frame(Array("first".utf8)))
        call.end([("x-large", value), ("grpc-status", "0")])
      case 2:
        call.answerOnlyTrailers([
          ("grpc-status-details-bin", String(repeating: "A", count: 20_000)),
          ("grpc-message", String(repeating: "%41", count: 12_000)), ("grpc-status", "14"),
        ])
      default: call.answer("small")
      }
    }
    var configuration = ChannelHarness.configuration
    configuration.maximumHeaderListSize = 1000
    let harness = try ChannelHarness(to: server.address, configuration: configuration)
    let first = try await harness.call()
    #expect(first.text == "first" && first.initialMetadata.entries.map(\.name) == ["x-small"])
    let second = try await harness.call()
    #expect(second.origin == .peer && second.status.code == .unavailable)
    #expect(second.status.message.hasPrefix(String(repeating: "A", count: 4_096)))
    #expect(second.status.message.utf8.count < 4_200 && second.status.details == nil)
    let next = try await harness.call()
    #expect(next.text == "small" && server.events.connections == 1)
    try await harness.stop(server)
  }

  @Test("Fields that nobody can bear end their call alone, as ended here")
  func unbearableMetadata() async throws {
    let server = try await ScriptedServer.start { call in
      guard call.number == 2 else { return }
      // 0x88 is ":status: 200"; then eighty fields of 15,000 bytes, without indexing.
      let field = [0, 1, 120, 0x7f, 0x99, 0x74] + [UInt8](repeating: 97, count: 15_000)
      let id = call.stream.id
      for number in 0...80 {
        call.connection.sendRaw(
          ScriptedConnection.frame(
            type: number == 0 ? 1 : 9, flags: number == 80 ? 4 : 0, stream: id,
            number == 0 ? [0x88] : field))
      }
    }
    let harness = try ChannelHarness(to: server.address)
    let open = harness.start()
    let result = try await harness.call()
    #expect(result.origin == .local && result.localReason == .oversizedMetadata && result.seen)
    #expect(result.status.message.contains("1048576"))
    open.call.cancel()
    #expect(try await open.result.get().localReason == .cancelled)
    #expect(server.events.connections == 1)
    try await harness.stop(server)
  }

  @Test("Completions run on the channel's loop, once, after unary has returned to the loop")
  func completionOnLoop() async throws {
    let harness = try ChannelHarness(to: try await unusedAddress())
    let loop = harness.channel.eventLoop
    _ = try await harness.call()
    #expect(harness.channel.connectivity == .transientFailure)
    let order = NIOLockedValueBox<[String]>([])
    let done = loop.makePromise(of: Void.self)
    loop.execute {
      harness.channel.unary(path: "/a/b", message: ByteBuffer(), deadline: nil) { result in
        #expect(loop.inEventLoop)
        #expect(result.localReason == .unreachable && !result.seen)
        order.withLockedValue { $0.append("completion") }
        done.succeed()
      }
      order.withLockedValue { $0.append("returned") }
    }
    try await done.futureResult.get()
    #expect(order.withLockedValue { $0 } == ["returned", "completion"])
    try await harness.stop()
  }

  @Test("The asynchronous form returns the response, throws the status, and cancels with its task")
  func asynchronous() async throws {
    let (requests, continuation) = AsyncStream<Void>.makeStream()
    let server = try await ScriptedServer.start { call in
      switch call.number {
      case 1: call.answer("hello")
      case 2: call.answerOnlyTrailers([("grpc-status", "5")])
      default: continuation.yield()
      }
    }
    let channel = try ChannelHarness(to: server.address).channel
    let response = try await channel.unary(path: "/a/b", message: ByteBuffer(), deadline: nil)
    #expect(String(buffer: response.message) == "hello")
    let error = await #expect(throws: RPCStatus.self) {
      try await channel.unary(path: "/a/b", message: ByteBuffer(), deadline: nil)
    }
    #expect(error?.code == .notFound)
    let task = Task {
      try await channel.unary(path: "/a/b", message: ByteBuffer(), deadline: nil)
    }
    for await _ in requests { break }
    task.cancel()
    let cancelled = await #expect(throws: RPCStatus.self) { try await task.value }
    #expect(cancelled?.code == .cancelled)
    try await channel.close().get()
    await server.stop()
  }
}
