import GRPC
import NIOCore
import Testing

@Suite struct MessageEncodingTests {
  private func bytes(_ text: String?) -> [UInt8]? { text.map { Array($0.utf8) } }

  @Test("Absent means identity, an unknown encoding is nil")
  func reading() {
    #expect(MessageEncoding(headerValue: bytes(nil)) == .identity)
    #expect(MessageEncoding(headerValue: bytes("identity")) == .identity)
    #expect(MessageEncoding(headerValue: bytes("gzip")) == .gzip)
    #expect(MessageEncoding(headerValue: bytes("snappy")) == nil)
    #expect(MessageEncoding(headerValue: bytes("")) == nil)
  }

  @Test(
    "The preferred encoding is used only if the peer lists it",
    arguments: [
      ("gzip", MessageEncoding.gzip), ("identity, gzip", .gzip), ("deflate,gzip,identity", .gzip),
      ("identity,deflate", .identity), ("", .identity), ("xgzip", .identity),
    ])
  func negotiation(accepted: String, encoding: MessageEncoding) {
    #expect(
      MessageEncoding.negotiate(preferred: .gzip, accepted: bytes(accepted)) == encoding)
    #expect(
      MessageEncoding.negotiate(preferred: .identity, accepted: bytes(accepted)) == .identity)
  }

  @Test("Without a list nothing but identity is used")
  func noList() {
    #expect(MessageEncoding.negotiate(preferred: .gzip, accepted: bytes(nil)) == .identity)
  }

  @Test("A message that does not shrink, or is short, goes plain with flag 0")
  func framing() throws {
    let short = try MessageFramer.frame(ByteBuffer(string: "aaaa"), encoding: .gzip)
    #expect(Array(buffer: short) == [0, 0, 0, 0, 4] + Array("aaaa".utf8))
    let long = try MessageFramer.frame(ByteBuffer(repeating: 0, count: 2000), encoding: .gzip)
    #expect(Array(buffer: long).first == 1)
    #expect(long.readableBytes < 100)
  }
}
