import HTTP2
import NIOCore
import NIOPosix
import Testing

@testable import GRPC

@Suite("A connection of the server", .timeLimit(.minutes(1)))
struct ServerConnectionTests {
  let hello = RawClient.frame(Array("hello".utf8))

  @Test("of a slow reader holds no more than its limits, and goes on when it reads")
  func streamBackPressure() async throws {
    try await TestService.serve { service, address in
      let client = try await RawClient.connect(to: address, window: 10_000)
      let call = try await client.start("/test.Test/Flood", hello, reads: false)
      #expect(try await call.received(atLeast: 10_000) == 10_000)
      // 64 KiB wait beside what the window took, and the message that exceeds them.
      let most = (10_000 + (64 << 10)) / 1_005 + 1
      #expect(service.seen.withLock { $0.sent } <= most)
      try await client.read(call)
      _ = try await call.received(atLeast: 500_000)
      try await client.reset(call)
      try await service.wait { $0.cancellations == 1 }
      let responder = try #require(service.seen.withLock { $0.streams.first })
      #expect(!responder.send(ByteBuffer()) && !responder.isWritable)
      await client.close()
    }
  }

  @Test("with a window of one byte carries a response byte by byte")
  func narrowWindow() async throws {
    try await TestService.serve { _, address in
      let client = try await RawClient.connect(to: address, window: 1)
      let response = try await client.call("/test.Test/Echo", hello)
      #expect(response.messages.map(\.bytes) == [Array("hello".utf8)] && response.status == .ok)
      let stream = try await client.call("/test.Test/Count", hello)
      #expect(stream.messages.count == 3 && stream.status == .ok)
      await client.close()
    }
  }

  @Test("keeps further requests waiting while too many bytes of responses are not taken")
  func connectionBackPressure() async throws {
    var configuration = ServerConfiguration()
    // Of each of the four answers 16 KiB count.
    configuration.maxBufferedResponseBytesPerConnection = 60_000
    try await TestService.serve(configuration) { service, address in
      let client = try await RawClient.connect(to: address, window: 0)
      var calls: [RawCall] = []
      for _ in 0..<4 {
        calls.append(try await client.start("/test.Test/Large", hello, reads: false))
      }
      let waiting = try await client.start("/test.Test/Echo", hello)
      // The PING's answer shows that the server has all of them.
      let sentinel = try await client.call("/test.Test/No", hello)
      #expect(sentinel.status == .unimplemented)
      #expect(service.seen.withLock { $0.requests.isEmpty })
      for call in calls { try await client.reset(call) }
      try await service.wait { $0.requests.count == 1 }
      try await client.reset(waiting)
      await client.close()
    }
  }

  @Test("gives up a response that the client takes nothing of")
  func stall() async throws {
    var configuration = ServerConfiguration()
    configuration.stallTimeout = .milliseconds(100)
    try await TestService.serve(configuration) { _, address in
      let client = try await RawClient.connect(to: address, window: 1_000)
      let response = try await client.start("/test.Test/Large", hello, reads: false).response()
      #expect(response.closed == .cancel && response.data.count == 1_000)
      #expect(try await client.call("/test.Test/Fail", hello).status == .notFound)
      await client.close()
    }
  }

  @Test(
    "ends a request whose rest does not come, and lets a complete one take its time",
    arguments: ["/test.Test/Echo", "/test.Test/Count", "/test.Test/Chat"])
  func unfinished(path: String) async throws {
    var configuration = ServerConfiguration()
    configuration.unfinishedRequestTimeout = .milliseconds(100)
    try await TestService.withClient(configuration) { service, client in
      let complete = try await client.start("/test.Test/Hold", hello)
      let watch = try await client.start("/test.Test/Watch", hello)
      for fields in [HeaderList(), ["grpc-timeout": "99999999H"]] {
        let call = try await client.start(
          path, [0, 0, 0], ends: false, fields: RawClient.fields(fields))
        let response = try await call.response()
        #expect(response.status == .deadlineExceeded && response.closed == .noError)
      }
      #expect(service.seen.withLock { $0.cancellations == 0 && $0.watchers.count == 1 })
      service.seen.withLock { $0.held.first }?.respond(ByteBuffer())
      #expect(try await complete.response().status == .ok)
      try await client.reset(watch)
    }
  }

  @Test("ends a connection whose client does not end a frame, or a header block")
  func unfinishedFrame() async throws {
    var configuration = ServerConfiguration()
    configuration.unfinishedRequestTimeout = .milliseconds(100)
    let block = RawFrames.frame(type: 1, stream: 1, [0x83])
    for first in [block, Array(block.dropLast(1)), Array(RawFrames.ping.prefix(4))] {
      try await TestService.serve(configuration) { _, address in
        var goAway: RawFrames.Received?
        try await RawFrames.connect(to: address, first: first) { frame in
          if frame.lastStream != nil { goAway = frame }
          return ([], true)
        }
        #expect(goAway?.payload[7] == 0xb)
      }
    }
  }

  @Test("counts cancelled calls as long as their handlers run (CVE-2023-44487)")
  func runningCalls() async throws {
    var configuration = ServerConfiguration()
    configuration.http2.maxConcurrentStreams = 3
    try await TestService.withClient(configuration) { service, client in
      for count in 1...3 {
        let call = try await client.start("/test.Test/Hold", hello)
        try await service.wait { $0.held.count == count }
        try await client.reset(call)
        _ = try await call.response()
      }
      #expect(try await client.call("/test.Test/Hold", hello).closed == .refusedStream)
      service.seen.withLock { $0.held.first }?.respond(ByteBuffer())
      var response = try await client.call("/test.Test/Echo", hello)
      while response.closed == .refusedStream {
        response = try await client.call("/test.Test/Echo", hello)
      }
      #expect(response.status == .ok)
    }
  }

  @Test(
    "counts a cancelled stream down once, whoever lets go of it first",
    arguments: ["/test.Test/Watch", "/test.Test/Chat"])
  func cancelledStreams(path: String) async throws {
    var configuration = ServerConfiguration()
    configuration.http2.maxConcurrentStreams = 3
    try await TestService.withClient(configuration) { service, client in
      _ = try await client.start("/test.Test/Hold", hello)
      try await service.wait { $0.held.count == 1 }
      for _ in 0..<6 {
        let stream = try await client.start(path, hello, ends: path == "/test.Test/Watch")
        try await client.reset(stream)
        _ = try await stream.response()
      }
      // A call of which nobody keeps anything shows that the resets before it were seen.
      #expect(try await client.call("/test.Test/Echo", hello).status == .ok)
      for count in 2...3 {
        let call = try await client.start("/test.Test/Hold", hello)
        try await service.wait { $0.held.count == count }
        try await client.reset(call)
      }
      #expect(try await client.call("/test.Test/Hold", hello).closed == .refusedStream)
      #expect(service.seen.withLock { $0.held.count } == 3)
    }
  }

  @Test("tells an HTTP/1.1 client in its own words, and closes")
  func http1() async throws {
    try await TestService.serve { _, address in
      let text = try await exchange(address, send: "GET / HTTP/1.1\r\nhost: a\r\n\r\n")
      #expect(text.hasPrefix("HTTP/1.1 400 Bad Request\r\n") && text.contains("HTTP/2 only"))
    }
  }

  @Test("that never says anything is closed after its time")
  func handshakeTimeout() async throws {
    var configuration = ServerConfiguration()
    configuration.lifetime.handshakeTimeout = .milliseconds(50)
    try await TestService.serve(configuration) { _, address in
      _ = try await exchange(address, send: "")
      _ = try await exchange(address, send: "PRI * HTTP/2.0\r\n\r\n")
    }
  }

  @Test("ends with too_many_pings when the client sends more than it may")
  func pings() async throws {
    try await TestService.withClient { _, client in
      try await client.ping(4)
      try await client.closed()
      let goAways = try await client.goAways()
      #expect(!goAways.isEmpty)
      for goAway in goAways {
        #expect(goAway.code == .enhanceYourCalm && goAway.debugData == "too_many_pings")
      }
    }
  }

  @Test("that is too old is asked to end in two steps, and its call goes on")
  func maxAge() async throws {
    var configuration = ServerConfiguration()
    configuration.lifetime.maxAge = .seconds(2)
    try await TestService.withClient(configuration) { service, client in
      let call = try await client.start("/test.Test/Hold", hello)
      try await service.wait { $0.held.count == 1 }
      try await eventually { try await client.goAways().count >= 2 }
      let goAways = try await client.goAways()
      #expect(goAways.map(\.lastStreamID) == [0x7fff_ffff, 1] && goAways[0].code == .noError)
      service.seen.withLock { $0.held.first }?.respond(ByteBuffer())
      #expect(try await call.response().status == .ok)
      try await client.closed()
    }
  }

  @Test("that is idle is asked to end")
  func idle() async throws {
    var configuration = ServerConfiguration()
    configuration.lifetime.maxIdle = .milliseconds(50)
    try await TestService.withClient(configuration) { _, client in
      try await client.closed()
      #expect(try await client.goAways().first?.code == .noError)
    }
  }

  @Test("compresses responses of some size if it may, and the client accepts gzip")
  func compressedResponses() async throws {
    var configuration = ServerConfiguration()
    configuration.compressResponses = true
    try await TestService.withClient(configuration) { _, client in
      let message = [UInt8](repeating: 1, count: 10_000)
      let accepting = RawClient.fields(["grpc-accept-encoding": "deflate, gzip"])
      let response = try await client.call(
        "/test.Test/Echo", RawClient.frame(message), fields: accepting)
      #expect(response.headers["grpc-encoding"] == "gzip" && response.messages[0].flag == 1)
      let inflated = try Gzip.inflate(ByteBuffer(bytes: response.messages[0].bytes), limit: 10_000)
      #expect(inflated == ByteBuffer(bytes: message))

      let small = try await client.call("/test.Test/Echo", hello, fields: accepting)
      #expect(small.messages[0].flag == 0 && small.status == .ok)
      let plain = try await client.call("/test.Test/Echo", RawClient.frame(message))
      #expect(plain.headers["grpc-encoding"] == nil && plain.messages[0].bytes == message)
    }
  }

  @Test("of one client in a flood leaves the calls of others alone")
  func bystander() async throws {
    try await TestService.serve { _, address in
      let hostile = try await RawClient.connect(to: address)
      let other = try await RawClient.connect(to: address)
      for _ in 0..<1_500 {
        guard let call = try? await hostile.start("/test.Test/Hold", hello) else { break }
        try await hostile.reset(call)
      }
      try await hostile.closed()
      #expect(try await other.call("/test.Test/Echo", hello).status == .ok)
      await other.close()
    }
  }

  /// Sends text on a plain connection and reads until the server closes it.
  private func exchange(_ address: ServerAddress, send text: String) async throws -> String {
    guard case .tcp(let host, let port) = address else { return "" }
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connect(host: host, port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
        }
      }
    return try await channel.executeThenClose { inbound, outbound in
      var received = ""
      do {
        try await outbound.write(ByteBuffer(string: text))
        for try await part in inbound { received += String(buffer: part) }
      } catch is IOError {
        // The server closed before our bytes came: that resets the connection.
      } catch ChannelError.ioOnClosedChannel {
        // … or we saw it close before we wrote.
      }
      return received
    }
  }
}
