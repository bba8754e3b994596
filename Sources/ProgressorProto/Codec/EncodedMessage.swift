import CProtobufC

/// A message that is about to be written: its size is known, its payloads still lie where they
/// were.
public struct EncodedMessage: ~Copyable {
  /// The bytes that `write(into:)` needs.
  public let size: Int

  private let message: UnsafePointer<ProtobufCMessage>

  init(_ message: UnsafePointer<ProtobufCMessage>) {
    self.message = message
    self.size = protobuf_c_message_get_packed_size(message)
  }

  /// Writes the message to the beginning of `buffer`, which must have room for `size` bytes.
  ///
  /// Returns `size`.
  @discardableResult
  public func write(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    precondition(buffer.count >= size, "the buffer is smaller than the message")
    guard size > 0, let start = buffer.baseAddress else { return 0 }
    return protobuf_c_message_pack(message, start.assumingMemoryBound(to: UInt8.self))
  }
}
