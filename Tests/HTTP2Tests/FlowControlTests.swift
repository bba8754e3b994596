import HTTP2
import Testing

@Suite("Flow control")
struct FlowControlTests {
  let window = 65_535

  /// A server whose peers may send 65,535 bytes on a stream and on the connection.
  func narrow() throws -> Peer {
    var settings = SessionSettings()
    settings.initialWindowSize = UInt32(window)
    settings.connectionWindowSize = UInt32(window)
    return try Peer(.server, settings: settings)
  }

  @Test("stops a sender at the window until the receiver consumed")
  func backPressure() throws {
    let client = try Peer(.client)
    let server = try narrow()
    exchange(client, server)
    server.onOpen = { $0.consumes = false }
    let call = try client.request(body: [UInt8](repeating: 1, count: 200_000))
    exchange(client, server)

    let served = try #require(server.calls.first)
    #expect(served.data.count == window && call.body.count == 200_000 - window)
    #expect(served.stream?.unconsumedBytes == window)
    served.stream?.consume(window)
    exchange(client, server)
    #expect(served.data.count == 2 * window)

    served.consumes = true
    served.stream?.consume(.max)
    exchange(client, server)
    #expect(served.data.count == 200_000 && served.isEnded)
  }

  @Test("gives the connection's window back when a stream closes with bytes unconsumed")
  func closedWithUnconsumedBytes() throws {
    let client = try Peer(.client)
    let server = try narrow()
    exchange(client, server)
    server.onOpen = { $0.consumes = false }
    let first = try client.request(body: [UInt8](repeating: 1, count: window))
    exchange(client, server)
    first.stream?.reset(.cancel)
    server.calls[0].stream?.reset(.cancel)
    exchange(client, server)

    let second = try client.request(body: [UInt8](repeating: 2, count: window))
    exchange(client, server)
    #expect(server.calls.last?.data.count == window && second.body.isEmpty)
  }

  @Test("counts padding, and gives it back by itself")
  func padding() throws {
    let server = try narrow()
    server.receive(RawFrame.preface + RawFrame.request(1))
    _ = server.output()
    // 5 bytes and 255 of padding, far more of them than the window holds.
    for _ in 0..<600 {
      server.receive(RawFrame.data(1, [1, 2, 3, 4, 5], padding: 255))
      _ = server.output()
    }
    #expect(server.error == nil && server.calls[0].data.count == 3_000)
    #expect(server.calls[0].closed == nil)
  }

  @Test("treats a peer that sends beyond its window as an error of the protocol")
  func beyondWindow() throws {
    let server = try narrow()
    server.onOpen = { $0.consumes = false }
    server.receive(RawFrame.preface + RawFrame.request(1))
    for _ in 0..<5 {
      server.receive(RawFrame.data(1, [UInt8](repeating: 0, count: 16_000)))
    }
    let bytes = server.output()
    #expect(bytes.containsFrame(type: 7))
    #expect(server.calls[0].data.count <= window)
  }

  @Test("asks for no more of a body than the peer's window takes")
  func pullsOnlyWhatFits() throws {
    let server = try Peer(.server)
    server.receive(
      RawFrame.preface + RawFrame.settings([(id: 4, value: 10)]) + RawFrame.request(1))
    let call = try #require(server.calls.first)
    call.answer([UInt8](repeating: 1, count: 100))
    _ = server.output()
    #expect(call.body.count == 90)
    server.receive(RawFrame.windowUpdate(1, 15))
    _ = server.output()
    #expect(call.body.count == 75)
  }

  @Test("opens the window of the connection from the start")
  func connectionWindow() throws {
    let client = try Peer(.client)
    let server = try Peer(.server)
    exchange(client, server)
    server.onOpen = { $0.consumes = false }
    _ = try client.request(body: [UInt8](repeating: 1, count: 1 << 20))
    exchange(client, server)
    #expect(server.calls.first?.data.count == 1 << 20)
  }
}
