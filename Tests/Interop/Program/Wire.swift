import NIOCore

/// The fields of an encoded message (protobuf.dev, Encoding), as far as those of the test service
/// go: numbers and what has a length. The rest is passed over.
struct WireReader {
  enum Value {
    case number(UInt64)
    case bytes(ByteBuffer)
  }

  private var rest: ByteBuffer

  init(_ message: ByteBuffer) { rest = message }

  /// - Throws: ``NoMessage`` at what is none.
  mutating func next() throws(NoMessage) -> (field: UInt64, value: Value)? {
    while rest.readableBytes > 0 {
      let tag = try varint()
      switch tag & 7 {
      case 0: return (tag >> 3, .number(try varint()))
      case 2:
        guard let length = Int(exactly: try varint()), let bytes = rest.readSlice(length: length)
        else { throw NoMessage() }
        return (tag >> 3, .bytes(bytes))
      case 1, 5:
        guard rest.readSlice(length: tag & 7 == 1 ? 8 : 4) != nil else { throw NoMessage() }
      default: throw NoMessage()
      }
    }
    return nil
  }

  private mutating func varint() throws(NoMessage) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard let byte = rest.readInteger(as: UInt8.self) else { throw NoMessage() }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
    }
    throw NoMessage()
  }
}

/// Bytes that are no message.
struct NoMessage: Error {}

/// Writes the fields of a message. What has its default value is left out.
struct WireWriter {
  private(set) var bytes = ByteBuffer()

  mutating func write(_ field: UInt64, _ number: Int32) {
    guard number != 0 else { return }
    varint(field << 3)
    varint(UInt64(bitPattern: Int64(number)))
  }

  mutating func write(_ field: UInt64, _ payload: ByteBuffer) {
    varint(field << 3 | 2)
    varint(UInt64(payload.readableBytes))
    bytes.writeImmutableBuffer(payload)
  }

  mutating func write(_ field: UInt64, _ message: (some InteropMessage)?) {
    if let message { write(field, message.encoded) }
  }

  private mutating func varint(_ value: UInt64) {
    var value = value
    while value >= 0x80 {
      bytes.writeInteger(UInt8(value & 0x7f | 0x80))
      value >>= 7
    }
    bytes.writeInteger(UInt8(value))
  }
}
