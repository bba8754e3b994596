public import NIOCore

/// Puts the five-byte prefix of gRPC before a message.
public enum MessageFramer {
  /// Messages shorter than this are sent plain even if an encoding was agreed: deflating them
  /// costs more than it saves. Bytes.
  public static let compressionThreshold = 1024

  /// The message with its prefix, compressed if the encoding asks for it and it pays.
  ///
  /// - Throws: ``FramingError/messageTooLarge(limit:)`` beyond the 2^32 − 1 bytes of the prefix.
  public static func frame(
    _ message: ByteBuffer, encoding: MessageEncoding = .identity
  ) throws(FramingError) -> ByteBuffer {
    guard message.readableBytes <= Int(UInt32.max) else {
      throw .messageTooLarge(limit: Int(UInt32.max))
    }
    if encoding == .gzip, message.readableBytes >= compressionThreshold {
      let deflated = Gzip.deflate(message)
      if let deflated, deflated.readableBytes < message.readableBytes {
        return prefixed(deflated, compressed: true)
      }
    }
    return prefixed(message, compressed: false)
  }

  private static func prefixed(_ message: ByteBuffer, compressed: Bool) -> ByteBuffer {
    var framed = ByteBuffer()
    framed.reserveCapacity(MessageDeframer.prefixLength + message.readableBytes)
    framed.writeInteger(UInt8(compressed ? 1 : 0))
    framed.writeInteger(UInt32(message.readableBytes))
    framed.writeImmutableBuffer(message)
    return framed
  }
}
