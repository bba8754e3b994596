/// Bytes of formats, for seeds: frames of HTTP/2, fields of HPACK, messages of gRPC.
enum WireBytes {
  static func frame(
    type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []
  ) -> [UInt8] {
    [UInt8(payload.count >> 16 & 0xFF), UInt8(payload.count >> 8 & 0xFF)]
      + [UInt8(payload.count & 0xFF), type, flags] + bigEndian(stream) + payload
  }

  /// Header fields that each stand for themselves, without the tables of HPACK.
  static func fields(_ fields: [(String, String)]) -> [UInt8] {
    fields.flatMap { name, value in [0] + string(name) + string(value) }
  }

  /// HEADERS with all of a block.
  static func headers(_ stream: UInt32, end: Bool = false, _ block: [UInt8]) -> [UInt8] {
    frame(type: 1, flags: end ? 5 : 4, stream: stream, block)
  }

  static func data(_ stream: UInt32, end: Bool = false, _ bytes: [UInt8]) -> [UInt8] {
    frame(type: 0, flags: end ? 1 : 0, stream: stream, bytes)
  }

  /// A message of gRPC with its prefix.
  static func message(_ bytes: [UInt8], isCompressed: Bool = false) -> [UInt8] {
    [isCompressed ? 1 : 0] + bigEndian(UInt32(bytes.count)) + bytes
  }

  static let clientPreface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
  static let settings = frame(type: 4)
  static let settingsAcknowledgement = frame(type: 4, flags: 1)
  static let ping = frame(type: 6, [1, 2, 3, 4, 5, 6, 7, 8])

  /// The fields of a call.
  static func call(_ path: String, _ others: [(String, String)] = []) -> [UInt8] {
    fields(
      [
        (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "a"),
        ("content-type", "application/grpc"), ("te", "trailers"),
      ] + others)
  }

  static func windowUpdate(_ stream: UInt32, _ increment: UInt32) -> [UInt8] {
    frame(type: 8, stream: stream, bigEndian(increment))
  }

  static func reset(_ stream: UInt32, _ code: UInt32) -> [UInt8] {
    frame(type: 3, stream: stream, bigEndian(code))
  }

  static func goAway(_ last: UInt32, _ code: UInt32) -> [UInt8] {
    frame(type: 7, bigEndian(last) + bigEndian(code))
  }

  private static func string(_ text: String) -> [UInt8] {
    // Lengths of 127 and more take further bytes (RFC 7541 section 5.1).
    let count = text.utf8.count
    var length = [UInt8(min(count, 127))]
    if count >= 127 {
      var rest = count - 127
      while rest >= 128 {
        length.append(UInt8(rest & 0x7F | 0x80))
        rest >>= 7
      }
      length.append(UInt8(rest))
    }
    return length + Array(text.utf8)
  }

  private static func bigEndian(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }
}
