/// Frames by hand, for what a correct session would never send (RFC 9113 section 4.1).
enum RawFrame {
  static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(type: 4)

  static func frame(
    type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, payload: [UInt8] = []
  ) -> [UInt8] {
    let length = payload.count
    return [UInt8(length >> 16 & 0xff), UInt8(length >> 8 & 0xff), UInt8(length & 0xff)]
      + [type, flags] + bigEndian(stream) + payload
  }

  static func data(
    _ stream: UInt32, _ payload: [UInt8] = [], padding: UInt8? = nil, end: Bool = false
  ) -> [UInt8] {
    let flags: UInt8 = (end ? 1 : 0) | (padding == nil ? 0 : 8)
    let padded = padding.map { [$0] + payload + [UInt8](repeating: 0, count: Int($0)) }
    return frame(type: 0, flags: flags, stream: stream, payload: padded ?? payload)
  }

  /// HEADERS of a POST request with further fields; in two frames when the block is longer than
  /// `splitAt`.
  static func request(
    _ stream: UInt32, end: Bool = false, extra: [UInt8] = [], splitAt: Int = 16_384
  ) -> [UInt8] {
    // Static table: 3 = :method POST, 6 = :scheme http, 4 = :path /, 1 = :authority.
    let block = [0x83, 0x86, 0x84, 0x01, 0x01, UInt8(ascii: "a")] + extra
    let flags: UInt8 = end ? 1 : 0
    guard block.count > splitAt else {
      return frame(type: 1, flags: flags | 4, stream: stream, payload: block)
    }
    return frame(type: 1, flags: flags, stream: stream, payload: Array(block[..<splitAt]))
      + frame(type: 9, flags: 4, stream: stream, payload: Array(block[splitAt...]))
  }

  static func reset(_ stream: UInt32, code: UInt32 = 8) -> [UInt8] {
    frame(type: 3, stream: stream, payload: bigEndian(code))
  }

  static func windowUpdate(_ stream: UInt32, _ increment: UInt32) -> [UInt8] {
    frame(type: 8, stream: stream, payload: bigEndian(increment))
  }

  static func settings(_ entries: [(id: UInt16, value: UInt32)] = []) -> [UInt8] {
    frame(
      type: 4,
      payload: entries.flatMap { [UInt8($0.id >> 8), UInt8($0.id & 0xff)] + bigEndian($0.value) })
  }

  static let ping = frame(type: 6, payload: [UInt8](repeating: 7, count: 8))

  /// A literal field without indexing, name and value shorter than 127 or as long as need be.
  static func literal(_ name: String, _ value: [UInt8]) -> [UInt8] {
    [0x00] + string(Array(name.utf8)) + string(value)
  }

  /// A literal field with incremental indexing: it enters the dynamic table as entry 62.
  static func indexedLiteral(_ name: String, _ value: [UInt8]) -> [UInt8] {
    [0x40] + string(Array(name.utf8)) + string(value)
  }

  private static func string(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.count >= 127 else { return [UInt8(bytes.count)] + bytes }
    var rest = bytes.count - 127
    var length: [UInt8] = [127]
    while rest >= 128 {
      length.append(UInt8(rest % 128) | 0x80)
      rest /= 128
    }
    return length + [UInt8(rest)] + bytes
  }

  private static func bigEndian(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }
}
