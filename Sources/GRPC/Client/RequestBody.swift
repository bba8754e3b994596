import HTTP2
import NIOCore

/// The body of a request: the five-byte prefix and the message, read in pieces as the peer's window
/// opens, without joining the two in memory.
struct RequestBody: Sendable {
  private var prefix: ByteBuffer
  private var message: ByteBuffer

  /// - Throws: ``FramingError/messageTooLarge(limit:)`` beyond what the prefix can say.
  init(_ message: ByteBuffer, encoding: MessageEncoding) throws(FramingError) {
    let encoded = try MessageFramer.encode(message, encoding: encoding)
    prefix = ByteBuffer()
    MessageFramer.writePrefix(encoded, into: &prefix)
    self.message = encoded.bytes
  }

  /// Of messages that have their prefixes, one behind the other.
  init(framed messages: ByteBuffer) {
    prefix = ByteBuffer()
    message = messages
  }

  /// Whether everything was read.
  var isFinished: Bool { prefix.readableBytes + message.readableBytes == 0 }

  /// Writes as much as fits.
  mutating func read(into writer: inout BodyWriter) -> BodyProgress {
    Self.move(&prefix, into: &writer)
    if prefix.readableBytes == 0 { Self.move(&message, into: &writer) }
    return isFinished ? .end : .open
  }

  private static func move(_ buffer: inout ByteBuffer, into writer: inout BodyWriter) {
    let count = buffer.withUnsafeReadableBytes { writer.write($0.bytes) }
    buffer.moveReaderIndex(forwardBy: count)
  }
}
