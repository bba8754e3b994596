import GRPC
import NIOCore
import Testing

@Suite struct MessageDeframerTests {
  private func frame(_ flag: UInt8, length: UInt32? = nil, _ message: String) -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.writeInteger(flag)
    buffer.writeInteger(length ?? UInt32(message.utf8.count))
    buffer.writeString(message)
    return buffer
  }

  private func text(_ message: ByteBuffer?) -> String? { message.map { String(buffer: $0) } }

  @Test("Messages come out whole, wherever the bytes were cut", arguments: 1...16)
  func cuts(size: Int) throws {
    var input = frame(0, "hello")
    input.writeImmutableBuffer(frame(0, ""))
    input.writeImmutableBuffer(frame(0, "world!"))
    var deframer = MessageDeframer(maximumMessageSize: 6)
    var messages: [String] = []
    while input.readableBytes > 0 {
      let length = min(size, input.readableBytes)
      let piece = input.readSlice(length: length)
      try #require(piece).withUnsafeReadableBytes { deframer.append($0.bytes) }
      while let message = try deframer.next() { messages.append(String(buffer: message)) }
    }
    try deframer.finish()
    #expect(messages == ["hello", "", "world!"])
  }

  @Test("A message that arrives whole is a slice of the buffer that brought it")
  func noCopy() throws {
    let input = frame(0, "hello")
    var deframer = MessageDeframer(maximumMessageSize: 100)
    deframer.append(input)
    let next = try deframer.next()
    let message = try #require(next)
    let inputAddress = input.withUnsafeReadableBytes { $0.baseAddress }
    let messageAddress = message.withUnsafeReadableBytes { $0.baseAddress }
    #expect(messageAddress == inputAddress.map { $0 + 5 })
  }

  @Test("A length above the limit is refused on the five bytes of its prefix")
  func limit() throws {
    var deframer = MessageDeframer(maximumMessageSize: 4)
    deframer.append(frame(0, "1234"))
    #expect(try text(deframer.next()) == "1234")
    deframer.append(frame(0, length: 5, ""))
    #expect(throws: FramingError.messageTooLarge(limit: 4)) { try deframer.next() }
    var huge = MessageDeframer(maximumMessageSize: 4)
    huge.append(frame(0, length: .max, ""))
    #expect(throws: FramingError.messageTooLarge(limit: 4)) { try huge.next() }
  }

  @Test("A compressed flag needs an encoding, and other flags do not exist")
  func flags() {
    var plain = MessageDeframer(maximumMessageSize: 10)
    plain.append(frame(1, "x"))
    #expect(throws: FramingError.compressedWithoutEncoding) { try plain.next() }
    var other = MessageDeframer(maximumMessageSize: 10, encoding: .gzip)
    other.append(frame(2, "x"))
    #expect(throws: FramingError.invalidFlag(2)) { try other.next() }
  }

  @Test("With an encoding, messages may still be plain one by one")
  func mixed() throws {
    let text = String(repeating: "abc", count: 1000)
    var deframer = MessageDeframer(maximumMessageSize: 3000, encoding: .gzip)
    deframer.append(try MessageFramer.frame(ByteBuffer(string: text), encoding: .gzip))
    deframer.append(try MessageFramer.frame(ByteBuffer(string: "short"), encoding: .gzip))
    #expect(deframer.bufferedBytes < 200)
    #expect(try self.text(deframer.next()) == text)
    #expect(try self.text(deframer.next()) == "short")
    #expect(try deframer.next() == nil)
  }

  @Test("The limit holds for what a message inflates to")
  func bomb() throws {
    let zeros = ByteBuffer(repeating: 0, count: 1_000_000)
    var deframer = MessageDeframer(maximumMessageSize: 999_999, encoding: .gzip)
    deframer.append(try MessageFramer.frame(zeros, encoding: .gzip))
    #expect(throws: FramingError.messageTooLarge(limit: 999_999)) { try deframer.next() }
  }

  @Test("A stream that ends inside a message is truncated", arguments: [1, 4, 5, 6])
  func truncated(length: Int) throws {
    var input = frame(0, "ab")
    var deframer = MessageDeframer(maximumMessageSize: 10)
    let beginning = input.readSlice(length: length)
    deframer.append(try #require(beginning))
    #expect(try deframer.next() == nil)
    #expect(throws: FramingError.truncated) { try deframer.finish() }
  }

  @Test(
    "Each error has the status that the gRPC documents give it",
    arguments: [
      (FramingError.messageTooLarge(limit: 1), StatusCode.resourceExhausted),
      (.invalidFlag(2), .internalError), (.compressedWithoutEncoding, .internalError),
      (.corruptCompression, .internalError), (.truncated, .internalError),
    ])
  func statuses(error: FramingError, code: StatusCode) {
    #expect(error.status.code == code)
    #expect(!error.status.message.isEmpty)
  }
}
