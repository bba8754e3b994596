public import NIOCore

/// Cuts the bytes of a stream into messages (gRPC over HTTP/2, "Length-Prefixed-Message": a flag
/// byte, a length of four bytes, the message). A plain value; it does no IO.
///
/// Append what arrived, then take messages until nil. The length is checked as soon as the five
/// bytes are there, so no more of a message that is too long is ever kept than the chunk in which
/// it began. A message that arrives whole is a slice of the buffer, not a copy.
public struct MessageDeframer: Sendable {
  /// The length of the prefix before each message, in bytes.
  public static let prefixLength = 5

  private let maximumMessageSize: Int
  private let encoding: MessageEncoding
  private var buffer = ByteBuffer()
  /// The prefix that was read and whose message is not complete.
  private var pending: (compressed: Bool, length: Int)?

  /// Creates a deframer.
  ///
  /// - Parameters:
  ///   - maximumMessageSize: the longest message, in bytes, as sent and after inflating.
  ///   - encoding: what `grpc-encoding` announced.
  public init(maximumMessageSize: Int, encoding: MessageEncoding = .identity) {
    self.maximumMessageSize = maximumMessageSize
    self.encoding = encoding
  }

  /// Bytes that wait for the rest of their message.
  public var bufferedBytes: Int { buffer.readableBytes }

  /// Adds bytes that arrived.
  public mutating func append(_ bytes: consuming ByteBuffer) {
    if buffer.readableBytes == 0 {
      buffer = bytes
    } else {
      buffer.writeBuffer(&bytes)
    }
  }

  /// Adds bytes that arrived, as a copy.
  public mutating func append(_ bytes: RawSpan) {
    // A message that was handed out may share the old buffer: start anew instead of copying it.
    if buffer.readableBytes == 0 { buffer = ByteBuffer() }
    bytes.withUnsafeBytes { _ = buffer.writeBytes($0) }
  }

  /// Takes the next message, inflated if it was compressed; nil means that more bytes are needed.
  ///
  /// - Throws: ``FramingError``; the deframer is of no use afterwards.
  public mutating func next() throws(FramingError) -> ByteBuffer? {
    guard let message = try nextEncoded() else { return nil }
    guard message.isCompressed else { return message.bytes }
    return try Gzip.inflate(message.bytes, limit: maximumMessageSize)
  }

  /// Takes the next message as it was sent; nil means that more bytes are needed.
  ///
  /// - Throws: ``FramingError``; the deframer is of no use afterwards.
  public mutating func nextEncoded() throws(FramingError) -> MessageFramer.EncodedMessage? {
    guard let prefix = try nextPrefix(), let message = buffer.readSlice(length: prefix.length)
    else { return nil }
    pending = nil
    return MessageFramer.EncodedMessage(bytes: message, isCompressed: prefix.compressed)
  }

  /// The message that is not complete, by its prefix; nil between messages.
  var expected: (compressed: Bool, length: Int)? { pending }

  /// Says that the stream ended.
  ///
  /// - Throws: ``FramingError/truncated`` if it ended inside a message.
  public func finish() throws(FramingError) {
    if pending != nil || buffer.readableBytes > 0 { throw .truncated }
  }

  private mutating func nextPrefix() throws(FramingError) -> (compressed: Bool, length: Int)? {
    if let pending { return pending }
    guard buffer.readableBytes >= Self.prefixLength,
      let flag = buffer.readInteger(as: UInt8.self),
      let length = buffer.readInteger(as: UInt32.self)
    else { return nil }
    guard flag <= 1 else { throw .invalidFlag(flag) }
    if flag == 1, encoding == .identity { throw .compressedWithoutEncoding }
    guard Int(length) <= maximumMessageSize else {
      throw .messageTooLarge(limit: maximumMessageSize)
    }
    let prefix = (compressed: flag == 1, length: Int(length))
    pending = prefix
    return prefix
  }
}
