import GRPC
import NIOCore
import Testing

@Suite struct GzipTests {
  /// "hello" as gzip 1.12 writes it.
  private static let hello: [UInt8] = [
    0x1F, 0x8B, 0x08, 0, 0, 0, 0, 0, 0, 0x03, 0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0, 0x86, 0xA6,
    0x10, 0x36, 0x05, 0, 0, 0,
  ]

  @Test("What another implementation deflated is inflated")
  func foreign() throws {
    let message = try Gzip.inflate(ByteBuffer(bytes: Self.hello), limit: 5)
    #expect(String(buffer: message) == "hello")
  }

  @Test("What was deflated is inflated to the same", arguments: [0, 1, 1000, 1 << 20])
  func roundTrip(size: Int) throws {
    var state: UInt64 = 42
    var message = ByteBuffer()
    for _ in 0..<size {
      state = state &* 6_364_136_223_846_793_005 &+ 1
      message.writeInteger(UInt8(state >> 60))
    }
    let deflated = try #require(Gzip.deflate(message))
    #expect(try Gzip.inflate(deflated, limit: size) == message)
  }

  @Test("A result of exactly the limit passes, one byte more does not")
  func limit() throws {
    let deflated = try #require(Gzip.deflate(ByteBuffer(repeating: 7, count: 10_000)))
    #expect(try Gzip.inflate(deflated, limit: 10_000).readableBytes == 10_000)
    #expect(throws: FramingError.messageTooLarge(limit: 9_999)) {
      try Gzip.inflate(deflated, limit: 9_999)
    }
  }

  @Test("Every truncation and every garbage is an error, not a shorter message")
  func broken() {
    for length in 0..<Self.hello.count {
      #expect(throws: FramingError.corruptCompression) {
        try Gzip.inflate(ByteBuffer(bytes: Self.hello[..<length]), limit: 100)
      }
    }
    #expect(throws: FramingError.corruptCompression) {
      try Gzip.inflate(ByteBuffer(bytes: Self.hello + [1, 2, 3]), limit: 100)
    }
    #expect(throws: FramingError.corruptCompression) {
      try Gzip.inflate(ByteBuffer(string: "not gzip at all"), limit: 100)
    }
  }

  @Test("Several members are one message, and the limit counts them together")
  func members() throws {
    let twice = ByteBuffer(bytes: Self.hello + Self.hello)
    #expect(String(buffer: try Gzip.inflate(twice, limit: 10)) == "hellohello")
    #expect(throws: FramingError.messageTooLarge(limit: 9)) {
      try Gzip.inflate(twice, limit: 9)
    }
  }
}
