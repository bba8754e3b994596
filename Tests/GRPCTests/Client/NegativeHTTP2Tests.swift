import HTTP2
import NIOConcurrencyHelpers
import NIOCore
import Testing

@testable import GRPC

/// The negative HTTP/2 cases of gRPC's interoperability tests, for clients
/// (`doc/negative-http2-interop-test-descriptions.md`).
@Suite(.timeLimit(.minutes(1))) struct NegativeHTTP2Tests {
  @Test("goaway: the next call goes on a new connection, unnoticed by the caller")
  func goAway() async throws {
    let server = try await ScriptedServer.start { call in
      call.answer("connection \(call.connection.number)")
      if call.connection.number == 1 { call.connection.session.submitGoAway(.noError) }
    }
    let harness = try ChannelHarness(to: server.address)
    let first = try await harness.call()
    let second = try await harness.call()
    #expect([first.text, second.text] == ["connection 1", "connection 2"])
    try await harness.stop(server)
  }

  @Test("goaway: calls that are open on the old connection finish there")
  func goAwayWithOpenCall() async throws {
    let (held, hold) = AsyncStream<@Sendable () -> Void>.makeStream()
    let (connections, connected) = AsyncStream<Int>.makeStream()
    let server = try await ScriptedServer.start(
      script: { call in
        guard call.connection.number == 1 else { return call.answer("new") }
        let bound = NIOLoopBound(call, eventLoop: call.connection.channel.eventLoop)
        hold.yield { bound.value.answer("old") }
        call.connection.session.submitGoAway(.noError)
      }, onConnect: { connected.yield($0.number) })
    let harness = try ChannelHarness(to: server.address)
    let old = harness.start().result
    for await number in connections where number == 2 { break }
    let new = try await harness.call()
    #expect(new.text == "new")
    for await release in held {
      try await server.loop.submit(release).get()
      break
    }
    let answer = try await old.get()
    #expect(answer.text == "old")
    try await harness.stop(server)
  }

  @Test(
    "A reset after header fields, during or after data fails the call, which was seen",
    arguments: 0...2)
  func reset(point: Int) async throws {
    let server = try await ScriptedServer.start { call in
      let frame = ScriptedCall.frame(Array("hello".utf8))
      call.begin()
      call.connection.flush()
      if point == 1 { call.write(Array(frame[..<7])) }
      if point == 2 { call.write(frame) }
      call.stream.reset(.noError)
    }
    let harness = try ChannelHarness(to: server.address)
    let result = try await harness.call()
    #expect(result.status.code == .internalError)
    #expect(result.origin == .local && result.seen)
    #expect(result.localReason == .reset(0))
    #expect(result.message == nil)
    #expect(server.events.requests == 1)
    try await harness.stop(server)
  }

  @Test("ping: every PING is acknowledged")
  func pings() async throws {
    let server = try await ScriptedServer.start { call in
      guard call.number <= 3 else { return call.answer("hello") }
      for _ in 0..<5 { call.connection.session.submitPing(payload: 7) }
      call.begin()
      for _ in 0..<5 { call.connection.session.submitPing(payload: 8) }
      call.write(ScriptedCall.frame([]))
      call.end([("grpc-status", "0")])
    }
    let harness = try ChannelHarness(to: server.address)
    // By the fourth request the server has read all that was sent before it.
    for _ in 1...4 {
      let result = try await harness.call()
      #expect(result.status.isOK)
    }
    #expect(server.events.pingAcknowledgements == 30)
    try await harness.stop(server)
  }

  @Test("max_streams: with one stream at a time all calls succeed, and the limit is kept")
  func maximumStreams() async throws {
    var settings = SessionSettings()
    settings.maxConcurrentStreams = 1
    let server = try await ScriptedServer.start(settings: settings)
    let harness = try ChannelHarness(to: server.address)
    let results = (0..<10).map { _ in harness.start().result }
    for result in results {
      let ended = try await result.get()
      #expect(ended.status.isOK)
    }
    #expect(server.events.maximumOpenStreams == 1)
    #expect(server.events.connections == 1)
    try await harness.stop(server)
  }

  @Test("max_streams: a call that times out makes room for the next")
  func maximumStreamsAfterDeadline() async throws {
    var settings = SessionSettings()
    settings.maxConcurrentStreams = 1
    let server = try await ScriptedServer.start(settings: settings) { call in
      let text = String(buffer: call.body)
      if text.hasSuffix("second") { call.answer("hello") }
    }
    let harness = try ChannelHarness(to: server.address)
    try await harness.ready()
    let first = harness.start("first", within: .milliseconds(50)).result
    let second = harness.start("second").result
    let ended = [try await first.get(), try await second.get()]
    #expect(ended[0].localReason == .deadline)
    #expect(ended[1].status.isOK)
    try await harness.stop(server)
  }

  /// DATA frames of five bytes each for the first stream of a connection.
  private static func frames(of bytes: [UInt8], padding: Int) -> [UInt8] {
    let zeros = [UInt8](repeating: 0, count: padding)
    var frames = ByteBuffer()
    for start in stride(from: 0, to: bytes.count, by: 5) {
      let piece = bytes[start..<min(start + 5, bytes.count)]
      let isPadded = padding > 0
      let length = piece.count + (isPadded ? 1 + padding : 0)
      frames.writeBytes([0, UInt8(length >> 8), UInt8(length & 255), 0, isPadded ? 8 : 0])
      frames.writeInteger(1 as UInt32)
      if isPadded { frames.writeInteger(UInt8(padding)) }
      frames.writeBytes(piece)
      frames.writeBytes(zeros)
    }
    return Array(buffer: frames)
  }

  @Test(
    "data_frame_padding: five bytes at a time, with and without 255 bytes of padding",
    arguments: [0, 255])
  func padding(length: Int) async throws {
    let size = 314_159
    let frames = Self.frames(
      of: ScriptedCall.frame([UInt8](repeating: 7, count: size)), padding: length)
    let server = try await ScriptedServer.start { call in
      call.begin()
      call.connection.sendRaw(frames)
      call.end([("grpc-status", "0")])
    }
    // The padding counts: 16 MB have to pass through a window of 1 MB.
    let harness = try ChannelHarness(to: server.address)
    let result = try await harness.call()
    #expect(result.message?.readableBytes == size, "\(result)")
    try await harness.stop(server)
  }
}
