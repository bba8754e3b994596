/// A few symbols of HPACK's Huffman code (RFC 7541 appendix B), by hand.
enum Huffman {
  private static let codes: [UInt8: (code: UInt32, length: Int)] = [
    UInt8(ascii: "0"): (0x0, 5), UInt8(ascii: "a"): (0x3, 5), UInt8(ascii: "%"): (0x15, 6),
    UInt8(ascii: "|"): (0x7fc, 11), UInt8(ascii: "\\"): (0x7fff0, 19),
  ]

  /// The symbols that it knows.
  static let symbols = codes.keys.sorted()

  static func encode(_ text: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    var bits: UInt64 = 0
    var count = 0
    for symbol in text {
      guard let (code, length) = codes[symbol] else { continue }
      bits = bits << UInt64(length) | UInt64(code)
      count += length
      while count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt64(count)))
      }
    }
    if count > 0 {
      let last = UInt8(truncatingIfNeeded: bits << UInt64(8 - count))
      bytes.append(last | 0xff >> UInt8(count))
    }
    return bytes
  }
}
