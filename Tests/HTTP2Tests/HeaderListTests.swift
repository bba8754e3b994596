import HTTP2
import Testing

@Suite("Header lists")
struct HeaderListTests {
  @Test("count each field's name and value and 32 bytes more")
  func size() {
    var list: HeaderList = ["ab": "cde"]
    #expect(list.size == 37 && list.count == 1)
    list.append("x", bytes: [0xff])
    #expect(list.size == 71)
    list.removeAll()
    #expect(list.size == 0 && list.isEmpty)
  }

  @Test("find the first field of a name")
  func lookup() {
    let list: HeaderList = ["a": "1", "b": "2", "a": "3"]
    #expect(list.first("a") == "1" && list.first("c") == nil)
    #expect(list[1].isNamed("b") && list[2].valueString == "3")
    #expect(list.map(\.nameString) == ["a", "b", "a"])
  }

  @Test(
    "come without white space around values, but for grpc-message, where it is text",
    arguments: [
      ("x", " a b\t", "a b"), ("x", "  ", ""), ("x", "\t", ""), ("x", "a", "a"),
      ("grpc-message", " no ", " no "), ("grpc-message", " ", " "),
    ])
  func outerSpace(name: String, sent: String, received: String) throws {
    let server = try Peer(.server)
    let field = RawFrame.literal(name, Array(sent.utf8))
    server.receive(RawFrame.preface + RawFrame.request(1, extra: field))
    #expect(server.error == nil)
    let headers = try #require(server.calls.first?.headers)
    #expect(headers.last?.nameString == name && headers.last?.valueString == received)
  }

  @Test("arrive whole up to the limit, byte by byte")
  func limit() throws {
    // 4 pseudo-header fields of RawFrame.request.
    let base: HeaderList = [":method": "POST", ":scheme": "http", ":path": "/", ":authority": "a"]
    let rest = 16_384 - base.size - 33
    for (length, isTruncated) in [(rest, false), (rest + 1, true)] {
      let server = try Peer(.server)
      let field = RawFrame.literal("x", [UInt8](repeating: 97, count: length))
      server.receive(RawFrame.preface + RawFrame.request(1, extra: field, splitAt: 16_000))
      let headers = try #require(server.calls.first?.headers)
      #expect(headers.isTruncated == isTruncated)
      #expect(headers.count == (isTruncated ? 4 : 5))
    }
  }

  @Test("end their stream above the limit, unstored; the next the connection (HPACK bomb)")
  func bomb() throws {
    let server = try Peer(.server)
    // A field of 4,000 bytes enters the table, then one byte repeats it: 12,000 times 4 KB.
    let field = RawFrame.indexedLiteral("x", [UInt8](repeating: 97, count: 3_900))
    let repeats = [UInt8](repeating: 0x80 | 62, count: 12_000)
    server.receive(RawFrame.preface + RawFrame.request(1, extra: field + repeats))
    #expect(server.error == nil && server.calls.isEmpty)
    let output = server.output()
    #expect(output.containsFrame(type: 3) && !output.containsFrame(type: 7))
    server.receive(RawFrame.request(3))
    #expect(server.calls.count == 1)

    server.receive(RawFrame.request(5, extra: repeats))
    #expect(server.error?.reason == .flood && server.calls.count == 1)
    #expect(server.output().containsFrame(type: 7))
    #expect(server.session.isFinished)
  }

  @Test("of a truncated request leave the connection and its compression state in order")
  func truncatedThenGood() throws {
    let client = try Peer(.client)
    let server = try Peer(.server)
    exchange(client, server)
    var large = Peer.get
    large.append("x", String(repeating: "a", count: 20_000))
    _ = try client.request(large)
    let second = try client.request()
    server.onOpen = { $0.answer([]) }
    exchange(client, server)
    #expect(server.calls.map { $0.headers?.isTruncated } == [true, false])
    #expect(server.calls[1].headers == Peer.get)
    #expect(second.trailers?.first("grpc-status") == "0")
  }

  @Test("that are static go out like any other")
  func staticHeaders() throws {
    let client = try Peer(.client)
    let server = try Peer(.server)
    let prefix = StaticHeaders(Peer.get)
    _ = try client.session.submitRequest([:], prefix: prefix, hasBody: false, delegate: Call())
    _ = try client.session.submitRequest(
      ["te": "trailers"], prefix: prefix, hasBody: false, delegate: Call())
    exchange(client, server)
    #expect(server.calls[0].headers == Peer.get)
    #expect(server.calls[1].headers?.last?.nameString == "te")
  }
}
