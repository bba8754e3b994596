import HTTP2
import Testing

/// Strings that nghttp2 itself would end the connection for, and lists above the limits.
@Suite("Header fields that are too long")
struct LongHeaderTests {
  private let long = [UInt8](repeating: UInt8(ascii: "a"), count: 200_000)

  @Test("of a request are missing, and leave the compression in order")
  func request() throws {
    let server = try Peer(.server)
    let start: [UInt8] = [0x83, 0x86, 0x84, 0x01, 0x01, UInt8(ascii: "a")]
    server.receive(RawFrame.preface)
    // "k: v" enters the table as entry 62. A long field without indexing leaves it there.
    server.receive(RawFrame.block(1, start + RawFrame.indexedLiteral("k", [118])))
    server.receive(RawFrame.block(3, start + RawFrame.literal("x", long) + [0xbe]))
    // One with indexing empties the table, and is in it as little as it was in the client's.
    server.receive(
      RawFrame.block(
        5, start + RawFrame.indexedLiteral("x", long) + RawFrame.indexedLiteral("l", [119])))
    server.receive(RawFrame.block(7, start + [0xbe]))
    #expect(server.error == nil)
    let lists = server.calls.compactMap(\.headers)
    #expect(lists.map(\.isTruncated) == [false, true, true, false])
    #expect(lists.map { $0.first("k") } == ["v", "v", nil, nil])
    #expect(lists.map { $0.first("l") } == [nil, nil, "w", "w"])
    #expect(lists.allSatisfy { $0.first("x") == nil })
  }

  @Test("end their stream alone above 1 MiB")
  func aboveAllLimits() throws {
    let server = try Peer(.server)
    server.receive(RawFrame.preface + RawFrame.request(1))
    let fields = (0..<80).flatMap { _ in
      RawFrame.literal("x", [UInt8](repeating: 97, count: 15_000))
    }
    server.receive(RawFrame.block(3, [0x83, 0x86, 0x84] + fields))
    server.receive(RawFrame.data(1, [1], end: true) + RawFrame.request(5))
    #expect(server.error == nil)
    #expect(server.calls.count == 2 && server.calls[0].isEnded)
    let output = server.output()
    #expect(output.containsFrame(type: 3) && !output.containsFrame(type: 7))
  }

  @Test("that a client only announces, above 1 MiB, end the connection before they come")
  func announced() throws {
    for isHuffman in [false, true] {
      for (size, isTaken) in [(1 << 20, true), (1 << 20 + 1, false)] {
        let server = try Peer(.server)
        server.receive(RawFrame.preface + RawFrame.request(1))
        let start = [0x83, 0x86, 0x84] + RawFrame.announcement("x", size, isHuffman: isHuffman)
        server.receive(
          RawFrame.frame(type: 1, stream: 3, payload: start)
            + RawFrame.frame(type: 9, stream: 3, payload: [UInt8](repeating: 97, count: 1_000)))
        #expect(server.output().containsFrame(type: 7) == !isTaken)
      }
    }
    // An answer's words, however long, do not end the calls of others.
    let (client, call, other) = try client()
    let long = [UInt8](repeating: 97, count: 1 << 20 + 1)
    let block = RawFrame.literal("x", long) + RawFrame.literal("grpc-status", [48])
    client.receive(RawFrame.block(1, block, end: true))
    #expect(client.error == nil && call.isEnded && other.closed == nil)
    #expect(call.trailers?.first("grpc-status") == "0")
  }

  @Test("come with padding and priority")
  func paddedBlock() throws {
    let server = try Peer(.server)
    let block: [UInt8] = [0x83, 0x86, 0x84, 0x01, 0x01, UInt8(ascii: "a")]
    let payload: [UInt8] = [3, 0, 0, 0, 0, 16] + block + [0, 0, 0]
    server.receive(
      RawFrame.preface + RawFrame.frame(type: 1, flags: 0x29, stream: 1, payload: payload)
        + RawFrame.frame(type: 9, flags: 4, stream: 1, payload: RawFrame.literal("b", [99])))
    #expect(server.calls.first?.headers?.first("b") == "c")
    #expect(server.calls.first?.isEnded == true)
    // Padding beyond the frame is the peer's fault, as ever.
    server.receive(RawFrame.frame(type: 1, stream: 3, payload: [200]))
    server.receive(RawFrame.frame(type: 1, flags: 0x8, stream: 3, payload: [200, 1]))
    #expect(server.output().containsFrame(type: 7))
  }

  /// A client with an open call, to which the trailers go.
  private func client() throws -> (Peer, Call, other: Call) {
    var settings = SessionSettings()
    settings.headers.essential = [
      EssentialHeader("grpc-status", maxValueSize: 16, mayBeCut: true),
      EssentialHeader("grpc-message", maxValueSize: 5_000, mayBeCut: true),
      EssentialHeader("details", maxValueSize: 100, mayBeCut: false),
    ]
    let client = try Peer(.client, settings: settings)
    client.receive(RawFrame.frame(type: 4))
    let (call, other) = (try client.request(), try client.request())
    _ = client.output()
    client.receive(RawFrame.frame(type: 1, flags: 4, stream: 1, payload: [0x88]))
    return (client, call, other)
  }

  @Test(
    "of trailers do not hide the essential ones, in whatever order",
    arguments: [17_000, 70_000, 900_000], [false, true])
  func essential(size: Int, isFirst: Bool) throws {
    let (client, call, other) = try client()
    let text = (0..<size).map { Huffman.symbols[$0 % 3] }
    let status = RawFrame.literal("grpc-status", [UInt8(ascii: "9")])
    let message = RawFrame.huffmanLiteral("grpc-message", text)
    let rest =
      RawFrame.literal("x", long) + RawFrame.literal("details", [UInt8](repeating: 98, count: 101))
    let block = isFirst ? status + rest + message : message + rest + status
    client.receive(RawFrame.block(1, block, end: true))
    let trailers = try #require(call.trailers)
    #expect(trailers.isTruncated && call.isEnded)
    #expect(trailers.first("grpc-status") == "9")
    #expect(trailers.first("grpc-message") == String(decoding: text.prefix(5_000), as: UTF8.self))
    #expect(trailers.first("details") == nil && trailers.first("x") == nil)
    #expect(client.error == nil && other.closed == nil)
  }

  @Test("of an answer end its call alone above 1 MiB, as ended by this side")
  func answerAboveAllLimits() throws {
    let (client, call, other) = try client()
    let stream = try #require(call.stream)
    let text = [UInt8](repeating: 97, count: 15_000)
    let fields = (0..<80).flatMap { _ in RawFrame.literal("x", text) }
    client.receive(RawFrame.block(1, fields + RawFrame.literal("grpc-status", [48]), end: true))
    #expect(call.trailers == nil && client.error == nil)
    #expect(client.output().containsFrame(type: 3))
    #expect(call.closed == .enhanceYourCalm && stream.failure?.reason == .headerListTooLarge)
    #expect(other.closed == nil)
    client.receive(RawFrame.frame(type: 1, flags: 5, stream: 3, payload: [0x88]))
    #expect(other.isEnded)
  }
}

@Suite("A client's session with many answers")
struct ManyAnswersTests {
  private func client(calls: Int) throws -> (Peer, [Call]) {
    let client = try Peer(.client)
    client.receive(RawFrame.settings([(id: 3, value: 10_000)]))
    let calls = try (0..<calls).map { _ in try client.request(body: [1]) }
    _ = client.output()
    return (client, calls)
  }

  /// Header fields, one byte, trailers.
  private func answer(_ call: Call) -> [UInt8] {
    let id = UInt32(call.stream?.id ?? 0)
    return RawFrame.frame(type: 1, flags: 4, stream: id, payload: [0x88])
      + RawFrame.data(id, [1])
      + RawFrame.frame(
        type: 1, flags: 5, stream: id, payload: RawFrame.literal("grpc-status", [48]))
  }

  @Test("bears 5,000 small ones in one read, long after they were asked for")
  func manyAnswers() throws {
    let (client, calls) = try client(calls: 5_000)
    let updates = calls.flatMap { _ in RawFrame.windowUpdate(0, 1) }
    client.receive(calls.flatMap(answer) + updates, now: 60_000_000_000)
    #expect(client.error == nil)
    #expect(calls.allSatisfy { $0.isEnded && $0.data == [1] })
  }

  @Test("ends a connection with interim responses without end")
  func interimResponses() throws {
    let (client, _) = try client(calls: 1)
    let interim = RawFrame.frame(
      type: 1, flags: 4, stream: 1, payload: RawFrame.literal(":status", Array("103".utf8)))
    for _ in 0..<2_000 where client.error == nil { client.receive(interim) }
    #expect(client.error?.reason == .flood)
  }
}
