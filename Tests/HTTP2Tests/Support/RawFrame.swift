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

  /// A header block in HEADERS and as many CONTINUATIONs as its size, or `pieces`, demands.
  static func block(
    _ stream: UInt32, _ block: [UInt8], end: Bool = false, pieces: Int = 1
  ) -> [UInt8] {
    let size = min(16_384, max(1, (block.count + pieces - 1) / pieces))
    var bytes: [UInt8] = []
    for start in stride(from: 0, to: block.count, by: size) {
      let piece = Array(block[start..<min(start + size, block.count)])
      let isLast = start + size >= block.count
      let flags: UInt8 = (start == 0 && end ? 1 : 0) | (isLast ? 4 : 0)
      bytes += frame(type: start == 0 ? 1 : 9, flags: flags, stream: stream, payload: piece)
    }
    return bytes
  }

  /// What the frames of a stream carry, one after the other.
  static func payloads(of stream: UInt32, in bytes: [UInt8]) -> [UInt8] {
    var payloads: [UInt8] = []
    var rest = bytes[...]
    while rest.count >= 9 {
      let header = Array(rest.prefix(9))
      let length = Int(header[0]) << 16 | Int(header[1]) << 8 | Int(header[2])
      if Array(header[5...]) == bigEndian(stream) { payloads += rest.dropFirst(9).prefix(length) }
      rest = rest.dropFirst(9 + length)
    }
    return payloads
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

  /// A literal field without indexing whose value is in Huffman code.
  static func huffmanLiteral(_ name: String, _ value: [UInt8]) -> [UInt8] {
    [0x00] + string(Array(name.utf8)) + string(Huffman.encode(value), flag: 0x80)
  }

  /// A literal field without indexing whose value is in Huffman code already.
  static func codedLiteral(_ name: String, _ code: [UInt8]) -> [UInt8] {
    [0x00] + string(Array(name.utf8)) + string(code, flag: 0x80)
  }

  /// The beginning of a literal field without indexing: all but the value, of so many bytes.
  static func announcement(_ name: String, _ size: Int, isHuffman: Bool) -> [UInt8] {
    [0x00] + string(Array(name.utf8)) + length(size, flag: isHuffman ? 0x80 : 0)
  }

  private static func string(_ bytes: [UInt8], flag: UInt8 = 0) -> [UInt8] {
    length(bytes.count, flag: flag) + bytes
  }

  private static func length(_ count: Int, flag: UInt8) -> [UInt8] {
    guard count >= 127 else { return [flag | UInt8(count)] }
    var rest = count - 127
    var length: [UInt8] = [flag | 127]
    while rest >= 128 {
      length.append(UInt8(rest % 128) | 0x80)
      rest /= 128
    }
    return length + [UInt8(rest)]
  }

  private static func bigEndian(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }
}
