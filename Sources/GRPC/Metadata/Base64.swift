/// The base64 of `-bin` metadata (RFC 4648 section 4): written without padding, read with or
/// without.
public enum Base64 {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// The length of `count` bytes in base64 without padding.
  public static func encodedCount(_ count: Int) -> Int { (count * 4 + 2) / 3 }

  /// Encodes without padding, as the gRPC protocol asks of senders.
  public static func encode(_ bytes: [UInt8]) -> String {
    var output: [UInt8] = []
    output.reserveCapacity(encodedCount(bytes.count))
    var accumulator: UInt32 = 0
    var bits = 0
    for byte in bytes {
      accumulator = accumulator << 8 | UInt32(byte)
      bits += 8
      while bits >= 6 {
        bits -= 6
        output.append(alphabet[Int(accumulator >> UInt32(bits) & 63)])
      }
    }
    if bits > 0 { output.append(alphabet[Int(accumulator << UInt32(6 - bits) & 63)]) }
    return String(decoding: output, as: UTF8.self)
  }

  /// Decodes base64, padded or not; nil if the value is neither. Bits after the last whole byte
  /// are ignored, as other implementations do.
  public static func decode(_ value: some Collection<UInt8>) -> [UInt8]? {
    var output: [UInt8] = []
    output.reserveCapacity(value.count * 3 / 4)
    var accumulator: UInt32 = 0
    var bits = 0
    var digits = 0
    var padding = 0
    for byte in value {
      if byte == UInt8(ascii: "=") {
        padding += 1
        continue
      }
      guard padding == 0, let digit = digitValue(byte) else { return nil }
      digits += 1
      accumulator = accumulator << 6 | digit
      bits += 6
      if bits >= 8 {
        bits -= 8
        output.append(UInt8(truncatingIfNeeded: accumulator >> UInt32(bits)))
      }
    }
    if digits % 4 == 1 { return nil }
    if padding > 0, padding > 2 || (digits + padding) % 4 != 0 { return nil }
    return output
  }

  private static func digitValue(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a")) + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0")) + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
