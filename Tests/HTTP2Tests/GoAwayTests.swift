import HTTP2
import Testing

@Suite("An orderly end")
struct GoAwayTests {
  let client: Peer
  let server: Peer

  init() throws {
    client = try Peer(.client)
    server = try Peer(.server)
    exchange(client, server)
  }

  @Test("a session whose connection is gone gives and takes nothing more")
  func connectionGone() throws {
    let call = try client.request()
    client.session.connectionClosed(.cancel)

    #expect(call.closed == .cancel)
    #expect(client.output().isEmpty)
    client.receive(server.output())
    #expect(client.output().isEmpty)
  }

  @Test("has two steps: streams on their way are still accepted after the first")
  func twoSteps() throws {
    let first = try client.request()
    exchange(client, server)
    server.session.submitShutdownNotice()
    let notice = server.output()
    let onItsWay = try client.request()  // Sent before the notice arrives.
    server.receive(client.output())
    client.receive(notice)

    #expect(client.goAways.first?.lastStreamID == 0x7fff_ffff)
    #expect(!client.session.canSubmitRequest)
    #expect(server.calls.count == 2)
    server.session.submitGoAway(.noError)
    exchange(client, server)
    #expect(client.goAways.last?.lastStreamID == 3)

    for call in server.calls { call.answer([]) }
    exchange(client, server)
    #expect(first.closed == .noError && onItsWay.closed == .noError)
    #expect(server.session.isFinished && client.session.isFinished)
  }

  @Test("has two steps also when the client used the highest identifier, which the first one names")
  func highestIdentifier() throws {
    server.receive(RawFrame.request(0x7fff_ffff))
    server.onShutdownNotice = { $0.submitGoAway(.noError) }
    server.session.submitShutdownNotice()
    client.receive(server.output(limit: 1_000))

    #expect(client.goAways.map(\.lastStreamID) == [0x7fff_ffff, 0x7fff_ffff])
    #expect(!server.session.hasOutput)
  }

  @Test("closes streams above the last one with REFUSED_STREAM: they were not processed")
  func streamsAboveTheLast() throws {
    server.session.submitGoAway(.noError)
    let goAway = server.output()
    let late = try client.request()
    server.receive(client.output())
    client.receive(goAway)
    exchange(client, server)
    #expect(late.closed == .refusedStream && server.calls.isEmpty)
  }

  @Test("carries a code and a text for the client's log")
  func debugData() {
    server.session.submitGoAway(.enhanceYourCalm, debugData: "too_many_pings")
    exchange(client, server)
    #expect(client.goAways.first?.code == .enhanceYourCalm)
    #expect(client.goAways.first?.debugData == Array("too_many_pings".utf8))
  }

  @Test("of a session that terminates is final: nothing is left to read")
  func terminate() throws {
    let call = try client.request()
    exchange(client, server)
    server.session.terminate(.noError)
    exchange(client, server)
    #expect(server.session.isFinished)
    #expect(call.closed == nil)
  }

  @Test("answers before the request is complete end with RST_STREAM(NO_ERROR)")
  func earlyAnswer() throws {
    let call = try client.request(body: [1], endsBody: false)
    exchange(client, server)
    server.calls[0].answer([2])
    exchange(client, server)
    #expect(call.data == [2] && call.trailers?.first("grpc-status") == "0")
    #expect(call.closed == .noError && server.calls[0].closed == .noError)

    let second = try client.request(body: [1], endsBody: false)
    exchange(client, server)
    server.calls[1].stream?.submitResponse([":status": "200", "grpc-status": "5"], hasBody: false)
    exchange(client, server)
    #expect(second.headers?.first("grpc-status") == "5" && second.closed == .noError)
  }
}

@Suite("What is no HTTP/2")
struct PrefaceTests {
  @Test(
    "is told apart from a broken HTTP/2 connection",
    arguments: ["GET / HTTP/1.1\r\n", "\u{16}\u{3}\u{1}"])
  func notHTTP2(text: String) throws {
    let server = try Peer(.server)
    server.receive(Array(text.utf8))
    #expect(server.error?.reason == .notHTTP2)
    #expect(server.session.isFinished && server.output().isEmpty)
  }

  @Test("must not stand where SETTINGS is due")
  func noSettings() throws {
    let server = try Peer(.server)
    server.receive(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + RawFrame.ping)
    _ = server.output()
    #expect(server.session.isFinished)
  }

  @Test("of any kind never traps a session, whichever side it is", arguments: 0..<200)
  func noise(seed: Int) throws {
    var state = UInt64(seed) &* 0x9e37_79b9_7f4a_7c15 &+ 1
    func next() -> UInt8 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: state >> 56)
    }
    let peer = try Peer(seed % 2 == 0 ? .server : .client)
    if seed % 2 == 0 { peer.receive(RawFrame.preface) }
    peer.receive(RawFrame.settings())
    for _ in 0..<50 {
      let payload = (0..<Int(next() % 40)).map { _ in next() }
      peer.receive(
        RawFrame.frame(
          type: next() % 11, flags: next(), stream: UInt32(next() % 8), payload: payload))
      _ = peer.output()
    }
    peer.session.connectionClosed(.cancel)
    #expect(peer.session.openStreamCount == 0)
  }
}
