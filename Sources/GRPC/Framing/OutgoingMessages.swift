import DequeModule
import HTTP2
import NIOCore

/// Messages that wait to be sent, with their prefixes of five bytes. Messages are not copied before
/// they go into a DATA frame.
struct OutgoingMessages {
  private struct Message {
    /// The prefix's bytes that are not written yet, the first in the highest byte.
    var prefix: UInt64
    var prefixCount = MessageDeframer.prefixLength
    var payload: ByteBuffer

    init(_ payload: ByteBuffer, isCompressed: Bool) {
      self.payload = payload
      prefix = (isCompressed ? 1 << 56 : 0) | UInt64(UInt32(clamping: payload.readableBytes)) << 24
    }

    var byteCount: Int { prefixCount + payload.readableBytes }
  }

  /// The message that is being written; a unary call has no other, and so needs no queue.
  private var first: Message?
  private var rest = Deque<Message>()

  /// How many bytes wait.
  private(set) var byteCount = 0

  var isEmpty: Bool { first == nil }

  /// Adds a message of at most 2^32 - 1 bytes, compressed when it is asked for and pays.
  mutating func append(_ message: ByteBuffer, encoding: MessageEncoding) {
    var next = Message(message, isCompressed: false)
    if encoding == .gzip, message.readableBytes >= MessageFramer.compressionThreshold,
      let deflated = Gzip.deflate(message), deflated.readableBytes < message.readableBytes
    {
      next = Message(deflated, isCompressed: true)
    }
    byteCount += next.byteCount
    if first == nil { first = next } else { rest.append(next) }
  }

  /// Writes as much as fits.
  mutating func write(into output: inout BodyWriter) {
    while var message = first, output.freeCapacity > 0 {
      let before = message.byteCount
      Self.write(&message, into: &output)
      byteCount -= before - message.byteCount
      first = message.byteCount > 0 ? message : rest.popFirst()
    }
  }

  private static func write(_ message: inout Message, into output: inout BodyWriter) {
    while message.prefixCount > 0, output.write(UInt8(message.prefix >> 56)) {
      message.prefix <<= 8
      message.prefixCount -= 1
    }
    guard message.prefixCount == 0 else { return }
    message.payload.moveReaderIndex(forwardBy: output.write(message.payload.readableBytesSpan))
  }
}
