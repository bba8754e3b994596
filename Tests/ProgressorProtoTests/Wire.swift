/// Encodes single fields, so that tests can say what no encoder of ours would.
enum Wire {
  static func varint(_ number: Int, _ value: UInt64) -> [UInt8] {
    bare(UInt64(number) << 3) + bare(value)
  }

  static func bytes(_ number: Int, _ payload: [UInt8]) -> [UInt8] {
    bare(UInt64(number) << 3 | 2) + bare(UInt64(payload.count)) + payload
  }

  static func text(_ number: Int, _ text: String) -> [UInt8] { bytes(number, Array(text.utf8)) }

  static func double(_ number: Int, _ value: Double) -> [UInt8] {
    bare(UInt64(number) << 3 | 1)
      + (0..<8).map { UInt8(truncatingIfNeeded: value.bitPattern >> ($0 * 8)) }
  }

  /// A number as a varint without a tag.
  static func bare(_ value: UInt64) -> [UInt8] {
    var rest = value
    var encoded: [UInt8] = []
    while rest >= 0x80 {
      encoded.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    encoded.append(UInt8(rest))
    return encoded
  }

  /// namespace "n" and id "i", as fields 1 and 2 of a request.
  static let machineID = text(1, "n") + text(2, "i")
}
