import HTTP2
import NIOCore
import Testing

@testable import GRPC

@Suite struct UnaryResponseReaderTests {
  /// What a peer sends.
  enum Part: Sendable {
    case head([(String, String)])
    case data([UInt8])
    case trailers([(String, String)])
    case end
    case reset(ErrorCode)
  }

  static let grpc = [(":status", "200"), ("content-type", "application/grpc")]
  static let hello: [UInt8] = [0, 0, 0, 0, 5] + Array("hello".utf8)

  private func list(_ fields: [(String, String)]) -> HeaderList {
    var list = HeaderList()
    for (name, value) in fields { list.append(name, value) }
    return list
  }

  /// The first result, after which nothing is handed in.
  private func read(_ parts: [Part], limit: Int = 100) -> UnaryResult? {
    var reader = UnaryResponseReader(maximumMessageSize: limit)
    for part in parts {
      let result: UnaryResult? =
        switch part {
        case .head(let fields): reader.receive(list(fields), kind: .response)
        case .data(let bytes): reader.receive(bytes.span.bytes)
        case .trailers(let fields): reader.receive(list(fields), kind: .trailers)
        case .end: reader.receiveEnd()
        case .reset(let code): reader.receiveReset(code, wasSent: true)
        }
      if let result { return result }
      if let compressed = reader.takeCompressed(),
        let result = reader.inflated(inflate(compressed, limit: limit))
      {
        return result
      }
    }
    return nil
  }

  private func inflate(_ message: ByteBuffer, limit: Int) -> InflateJob.End {
    do {
      return .inflated(try Gzip.inflate(message, limit: limit))
    } catch {
      return .failed(error)
    }
  }

  private func expectLocal(
    _ parts: [Part], _ reason: LocalReason, _ code: StatusCode, seen: Bool = true, limit: Int = 100
  ) throws {
    let result = try #require(read(parts, limit: limit))
    #expect(result.origin == .local)
    #expect(result.localReason == reason)
    #expect(result.status.code == code)
    #expect(result.seen == seen)
    #expect(result.message == nil)
  }

  @Test("OK with one message is the peer's word, with the metadata before and after")
  func success() throws {
    let result = try #require(
      read([
        .head(Self.grpc + [("x-a", "1")]), .data(Array(Self.hello[..<3])),
        .data(Array(Self.hello[3...])), .trailers([("grpc-status", "0"), ("x-b-bin", "q6s")]), .end,
      ]))
    #expect(result.origin == .peer)
    #expect(result.localReason == nil)
    #expect(result.message.map { String(buffer: $0) } == "hello")
    #expect(result.initialMetadata.text("x-a") == "1")
    #expect(result.trailingMetadata.binary("x-b-bin") == [0xAB, 0xAB])
  }

  @Test("An error in trailers is the peer's word, with message and details")
  func failure() throws {
    let trailers = [
      ("grpc-status", "9"), ("grpc-message", "%C3%BC%"), ("grpc-status-details-bin", "AQI="),
    ]
    let result = try #require(read([.head(Self.grpc), .trailers(trailers), .end]))
    #expect(result.origin == .peer && result.seen)
    #expect(result.status.code == .failedPrecondition)
    #expect(result.status.message == "ü%")
    #expect(result.status.details == [1, 2])
  }

  @Test("Trailers-Only: the header fields are the trailers, also without content-type")
  func trailersOnly() throws {
    for head in [Self.grpc, [(":status", "200")]] {
      let fields = head + [("grpc-status", "5"), ("x-a", "1")]
      let result = try #require(read([.head(fields), .end]))
      #expect(result.origin == .peer)
      #expect(result.status.code == .notFound)
      #expect(result.trailingMetadata.text("x-a") == "1")
      #expect(result.initialMetadata.isEmpty)
    }
  }

  @Test("An error status wins over what the message was worth")
  func errorAfterMessage() throws {
    for data in [Self.hello, Array(Self.hello[..<7])] {
      let result = try #require(
        read([.head(Self.grpc), .data(data), .trailers([("grpc-status", "8")]), .end]))
      #expect(result.origin == .peer)
      #expect(result.status.code == .resourceExhausted)
      #expect(result.message == nil)
    }
  }

  @Test("A grpc-status in the header fields does not count once there is a body")
  func statusInHead() throws {
    let head = Self.grpc + [("grpc-status", "0")]
    try expectLocal([.head(head), .data(Self.hello), .end], .missingStatus, .unknown)
    let result = try #require(
      read([.head(head), .data(Self.hello), .trailers([("grpc-status", "13")]), .end]))
    #expect(result.status.code == .internalError)
  }

  @Test("An answer without a readable grpc-status is transient: nobody said anything")
  func missingStatus() throws {
    try expectLocal([.head(Self.grpc), .data(Self.hello), .end], .missingStatus, .unknown)
    try expectLocal([.head(Self.grpc), .end], .missingStatus, .unknown)
    for value in ["", "x", "-1"] {
      try expectLocal(
        [.head(Self.grpc), .data(Self.hello), .trailers([("grpc-status", value)]), .end],
        .missingStatus, .unknown)
    }
  }

  @Test("OK needs exactly one message")
  func cardinality() throws {
    let ok = Part.trailers([("grpc-status", "0")])
    try expectLocal([.head(Self.grpc), ok, .end], .missingMessage, .unimplemented)
    try expectLocal(
      [.head(Self.grpc + [("grpc-status", "0")]), .end], .missingMessage, .unimplemented)
    try expectLocal(
      [.head(Self.grpc), .data(Self.hello + Self.hello), ok, .end], .tooManyMessages,
      .unimplemented)
    try expectLocal(
      [.head(Self.grpc), .data(Array(Self.hello[..<8])), ok, .end], .undecodable, .internalError)
  }

  @Test(
    "Something else than gRPC is mapped by its HTTP status",
    arguments: [
      (200, StatusCode.unknown), (400, .internalError), (401, .unauthenticated),
      (403, .permissionDenied), (404, .unimplemented), (429, .unavailable), (502, .unavailable),
      (503, .unavailable), (504, .unavailable), (500, .unknown), (302, .unknown),
    ])
  func http(status: Int, code: StatusCode) throws {
    let head = [(":status", String(status)), ("content-type", "text/html")]
    try expectLocal([.head(head), .end], .http(status: status), code)
    try expectLocal([.head([(":status", String(status))])], .http(status: status), code)
    if status != 200 {
      let grpc = [(":status", String(status)), ("content-type", "application/grpc")]
      try expectLocal(
        [.head(grpc), .data([1, 2, 3]), .end], .http(status: status), code)
    }
  }

  @Test("A grpc-status beside an HTTP error is the peer's word")
  func httpErrorWithStatus() throws {
    let head = [(":status", "503"), ("content-type", "text/html"), ("grpc-status", "7")]
    let result = try #require(read([.head(head), .end]))
    #expect(result.origin == .peer)
    #expect(result.status.code == .permissionDenied)
  }

  @Test(
    "The content-type may name protobuf and parameters, in any case",
    arguments: ["application/grpc+proto", "application/grpc; charset=utf-8", "Application/GRPC"])
  func contentType(value: String) throws {
    let head = [(":status", "200"), ("content-type", value)]
    let result = try #require(
      read([.head(head), .data(Self.hello), .trailers([("grpc-status", "0")]), .end]))
    #expect(result.status.isOK)
  }

  @Test("Another format or encoding cannot be read")
  func undecodable() throws {
    let json = [(":status", "200"), ("content-type", "application/grpc+json")]
    try expectLocal([.head(json)], .undecodable, .internalError)
    try expectLocal(
      [.head(Self.grpc + [("grpc-encoding", "snappy")])], .undecodable, .internalError)
    try expectLocal(
      [.head(Self.grpc), .data([1, 0, 0, 0, 1, 0])], .undecodable, .internalError)
    try expectLocal(
      [.head(Self.grpc + [("grpc-encoding", "gzip")]), .data([1, 0, 0, 0, 1, 0])], .undecodable,
      .internalError)
  }

  @Test("A message above the limit ends the call on its prefix")
  func oversized() throws {
    try expectLocal(
      [.head(Self.grpc), .data([0, 0, 0, 0, 5])], .oversizedMessage, .resourceExhausted, limit: 4)
    let bomb = try #require(Gzip.deflate(ByteBuffer(repeating: 0, count: 1_000_000)))
    var data: [UInt8] =
      [1, 0, 0] + [UInt8(bomb.readableBytes >> 8), UInt8(bomb.readableBytes & 255)]
    data += Array(buffer: bomb)
    try expectLocal(
      [.head(Self.grpc + [("grpc-encoding", "gzip")]), .data(data)], .oversizedMessage,
      .resourceExhausted, limit: 999_999)
  }

  @Test("Interim responses are passed over")
  func informational() throws {
    var reader = UnaryResponseReader(maximumMessageSize: 100)
    let result = reader.receive(list([(":status", "103")]), kind: .informational)
    #expect(result == nil)
    #expect(!reader.hasBegun)
  }

  @Test(
    "A reset is mapped by its code",
    arguments: [
      (ErrorCode.refusedStream, StatusCode.unavailable, false), (.cancel, .cancelled, true),
      (.enhanceYourCalm, .resourceExhausted, true), (.internalError, .internalError, true),
      (.noError, .internalError, true), (ErrorCode(rawValue: 77), .internalError, true),
    ])
  func reset(reset: ErrorCode, code: StatusCode, seen: Bool) throws {
    try expectLocal([.reset(reset)], .reset(reset.rawValue), code, seen: seen)
    try expectLocal([.head(Self.grpc), .reset(reset)], .reset(reset.rawValue), code)
    try expectLocal(
      [.head(Self.grpc), .data(Self.hello), .reset(reset)], .reset(reset.rawValue), code)
  }

  @Test("Broken -bin metadata and details are dropped without hiding the answer")
  func brokenMetadata() throws {
    let trailers = [("grpc-status", "3"), ("grpc-status-details-bin", "!"), ("a-bin", "!")]
    let result = try #require(read([.head(Self.grpc), .trailers(trailers), .end]))
    #expect(result.origin == .peer)
    #expect(result.status.details == nil)
    #expect(result.trailingMetadata.isEmpty)
  }
}
