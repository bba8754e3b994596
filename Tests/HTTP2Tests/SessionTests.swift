import HTTP2
import Testing

@Suite("A session")
struct SessionTests {
  let client: Peer
  let server: Peer

  init() throws {
    client = try Peer(.client)
    server = try Peer(.server)
  }

  @Test("carries a request with a body and a response with trailers")
  func unaryExchange() throws {
    server.onOpen = { call in call.onEnd = { $0.answer(Array("answer".utf8)) } }
    let call = try client.request(body: Array("question".utf8))
    exchange(client, server)

    let served = try #require(server.calls.first)
    #expect(served.headers == Peer.get)
    #expect(served.data == Array("question".utf8))
    #expect(call.headers?.first(":status") == "200")
    #expect(call.data == Array("answer".utf8))
    #expect(call.trailers?.first("grpc-status") == "0")
    #expect(call.isEnded && call.closed == .noError && served.closed == .noError)
    #expect(call.stream?.isClosed == true)
    #expect(client.session.openStreamCount == 0 && server.session.openStreamCount == 0)
  }

  @Test("sends a response without a body as one HEADERS frame with END_STREAM")
  func headersOnly() throws {
    let prefix = StaticHeaders([":status": "200", "content-type": "application/grpc"])
    server.onOpen = {
      $0.stream?.submitResponse(["grpc-status": "12"], prefix: prefix, hasBody: false)
    }
    let call = try client.request()
    exchange(client, server)

    #expect(call.headers?.map(\.nameString) == [":status", "content-type", "grpc-status"])
    #expect(call.trailers == nil && call.data.isEmpty && call.isEnded)
  }

  @Test("makes no empty DATA frame when trailers follow a body that is over")
  func noEmptyData() throws {
    server.onOpen = { $0.answer([]) }
    let call = try client.request()
    server.receive(client.output())
    let bytes = server.output()
    client.receive(bytes)

    #expect(!bytes.containsFrame(type: 0))
    #expect(call.trailers?.first("grpc-status") == "0")
  }

  @Test("waits with a body that has nothing until it is resumed")
  func resume() throws {
    let call = try client.request(body: [1, 2], endsBody: false)
    exchange(client, server)
    let served = try #require(server.calls.first)
    #expect(served.data == [1, 2] && !served.isEnded)

    call.body = [3]
    exchange(client, server)
    #expect(served.data == [1, 2])
    call.stream?.resumeBody()
    exchange(client, server)
    #expect(served.data == [1, 2, 3])

    call.progressAtEnd = .end
    call.stream?.resumeBody()
    exchange(client, server)
    #expect(served.isEnded)
  }

  @Test("tells informational responses and trailers from the response")
  func informational() throws {
    server.onOpen = { _ in }
    let call = try client.request()
    exchange(client, server)
    // HEADERS with :status 103 as a literal on the name of static entry 8.
    client.receive(
      RawFrame.frame(type: 1, flags: 4, stream: 1, payload: [0x08, 3] + Array("103".utf8)))
    #expect(call.informational == 1 && call.headers == nil)
    server.calls.first?.answer([1])
    exchange(client, server)
    #expect(call.headers?.first(":status") == "200" && call.trailers != nil)
  }

  @Test("passes the code of a reset to the other side, in both directions")
  func resets() throws {
    let first = try client.request()
    let second = try client.request()
    exchange(client, server)
    first.stream?.reset(.cancel)
    server.calls[1].stream?.reset(.refusedStream)
    exchange(client, server)

    #expect(first.closed == .cancel && server.calls[0].closed == .cancel)
    #expect(second.closed == .refusedStream && server.calls[1].closed == .refusedStream)
  }

  @Test("brings a PING's payload back")
  func ping() {
    client.session.submitPing(payload: 0x0102_0304_0506_0708)
    exchange(client, server)
    #expect(server.pings == 1)
    #expect(client.pingAcknowledgements == [0x0102_0304_0506_0708])
  }

  @Test("tells the peer's settings once they are in force")
  func settings() throws {
    var settings = SessionSettings()
    settings.maxConcurrentStreams = 7
    settings.headers.announcedListSize = 9_000
    let server = try Peer(.server, settings: settings)
    exchange(client, server)

    #expect(client.settingsReceived == 1 && server.settingsAcknowledgements == 1)
    #expect(client.session.remoteSettings.maxConcurrentStreams == 7)
    #expect(client.session.remoteSettings.maxHeaderListSize == 9_000)
    #expect(server.session.remoteSettings.initialWindowSize == 1 << 20)
  }

  @Test("keeps requests above the peer's limit of streams unsent, then sends them in order")
  func concurrencyLimit() throws {
    var settings = SessionSettings()
    settings.maxConcurrentStreams = 1
    let server = try Peer(.server, settings: settings)
    exchange(client, server)
    let first = try client.request()
    let second = try client.request()
    exchange(client, server)

    #expect(first.stream?.isSent == true && second.stream?.isSent == false)
    server.calls[0].answer([])
    exchange(client, server)
    #expect(second.stream?.isSent == true && server.calls.count == 2)
  }

  @Test("drops a request that was reset before it left")
  func resetBeforeSending() throws {
    let call = try client.request()
    call.stream?.reset(.cancel)
    exchange(client, server)
    #expect(call.closed == .cancel && call.stream?.isSent == false)
    #expect(server.calls.isEmpty && client.error == nil && server.error == nil)
  }

  @Test("closes its open streams when the connection breaks, and lets go of them")
  func connectionClosed() throws {
    let call = try client.request()
    exchange(client, server)
    client.session.connectionClosed(.cancel)

    #expect(call.closed == .cancel && client.session.openStreamCount == 0)
    #expect(call.stream?.delegate == nil)
    call.stream?.reset(.cancel)
    call.stream?.resumeBody()
    #expect(throws: HTTP2Error.self) { _ = try client.request() }
  }

  @Test("leaves streams harmless when it is gone itself")
  func sessionGone() throws {
    var client: Peer? = try Peer(.client)
    let call = try #require(try client?.request())
    client = nil
    #expect(call.stream?.isClosed == true)
    #expect(call.stream?.delegate == nil)
    call.stream?.reset(.cancel)
    call.stream?.submitTrailers([:])
    call.stream?.consume(1)
  }

  @Test("stops giving output at the limit, between frames")
  func outputLimit() throws {
    _ = try client.request(body: [UInt8](repeating: 1, count: 60_000))
    let first = client.output(limit: 20_000)
    #expect(first.count >= 20_000 && first.count < 20_000 + 16_384 + 9)
    #expect(!client.output().isEmpty)
  }
}

extension [UInt8] {
  /// Whether a frame of that type is among these whole frames.
  func containsFrame(type: UInt8) -> Bool {
    var rest = self[...]
    while rest.count >= 9 {
      let header = rest.prefix(9).map(Int.init)
      if header[3] == Int(type) { return true }
      rest = rest.dropFirst(9 + header[0] << 16 + header[1] << 8 + header[2])
    }
    return false
  }
}
