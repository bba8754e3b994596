/// Bytes as text: RFC 4648, section 5, without padding, as RFC 7515 writes everything.
enum Base64URL {
  /// nil = there are other characters, a rest that no bytes have, or bits that mean nothing: each
  /// sequence of bytes has one text, so that no token has two.
  static func decoded(_ text: some Collection<UInt8>) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count * 3 / 4)
    var (bits, count): (UInt32, Int) = (0, 0)
    for character in text {
      guard let value = value(of: character) else { return nil }
      bits = bits << 6 | UInt32(value)
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      }
    }
    // 6 left bits are one character alone.
    guard count < 6, bits & (1 << UInt32(count) - 1) == 0 else { return nil }
    return bytes
  }

  private static func value(of character: UInt8) -> UInt8? {
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - 0x41
    case UInt8(ascii: "a")...UInt8(ascii: "z"): character - 0x61 + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): character - 0x30 + 52
    case UInt8(ascii: "-"): 62
    case UInt8(ascii: "_"): 63
    default: nil
    }
  }
}
