public import NIOCore

/// Puts the five-byte prefix of gRPC before messages (gRPC over HTTP/2, "Length-Prefixed-Message").
public enum MessageFramer {
  /// Messages shorter than this are sent plain even if an encoding was agreed: deflating them
  /// costs more than it saves. Bytes.
  public static let compressionThreshold = 1024

  /// A message as it goes on the wire, after its prefix.
  public struct EncodedMessage: Sendable {
    /// The bytes after the prefix.
    public let bytes: ByteBuffer
    /// Whether they are compressed.
    public let isCompressed: Bool
  }

  /// Compresses a message if the encoding asks for it and it pays.
  ///
  /// - Throws: ``FramingError/messageTooLarge(limit:)`` beyond the 2^32 − 1 bytes of the prefix.
  public static func encode(
    _ message: ByteBuffer, encoding: MessageEncoding
  ) throws(FramingError) -> EncodedMessage {
    guard UInt32(exactly: message.readableBytes) != nil else {
      throw .messageTooLarge(limit: Int(UInt32.max))
    }
    if encoding == .gzip, message.readableBytes >= compressionThreshold,
      let deflated = Gzip.deflate(message), deflated.readableBytes < message.readableBytes
    {
      return EncodedMessage(bytes: deflated, isCompressed: true)
    }
    return EncodedMessage(bytes: message, isCompressed: false)
  }

  /// Writes the prefix of a message.
  public static func writePrefix(_ message: EncodedMessage, into buffer: inout ByteBuffer) {
    buffer.writeInteger(UInt8(message.isCompressed ? 1 : 0))
    buffer.writeInteger(UInt32(clamping: message.bytes.readableBytes))
  }

  /// The message with its prefix in one buffer, compressed if the encoding asks for it and it pays.
  ///
  /// - Throws: ``FramingError/messageTooLarge(limit:)`` beyond the 2^32 − 1 bytes of the prefix.
  public static func frame(
    _ message: ByteBuffer, encoding: MessageEncoding = .identity
  ) throws(FramingError) -> ByteBuffer {
    let encoded = try encode(message, encoding: encoding)
    var framed = ByteBuffer()
    framed.reserveCapacity(MessageDeframer.prefixLength + encoded.bytes.readableBytes)
    writePrefix(encoded, into: &framed)
    framed.writeImmutableBuffer(encoded.bytes)
    return framed
  }
}
