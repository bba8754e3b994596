/// Base64 with its padding (RFC 4648 section 4), as protobuf's JSON form and webhooks' signatures
/// have it.
public enum PaddedBase64 {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// Bytes in base64.
  public static func encoded(_ bytes: [UInt8]) -> String {
    var output: [UInt8] = []
    append(bytes, to: &output)
    return String(decoding: output, as: UTF8.self)
  }

  /// Appends bytes in base64.
  public static func append(_ bytes: [UInt8], to output: inout [UInt8]) {
    let start = output.count
    // What is left of the last four is the padding.
    let padding = repeatElement(UInt8(ascii: "="), count: (bytes.count + 2) / 3 * 4)
    output.append(contentsOf: padding)
    output.withUnsafeMutableBufferPointer { output in
      bytes.withUnsafeBufferPointer { bytes in
        alphabet.withUnsafeBufferPointer { alphabet in
          encode(bytes, into: UnsafeMutableBufferPointer(rebasing: output[start...]), alphabet)
        }
      }
    }
  }

  private static func encode(
    _ bytes: UnsafeBufferPointer<UInt8>, into output: UnsafeMutableBufferPointer<UInt8>,
    _ alphabet: UnsafeBufferPointer<UInt8>
  ) {
    var index = 0
    var position = 0
    while index + 2 < bytes.count {
      let word = Int(bytes[index]) << 16 | Int(bytes[index + 1]) << 8 | Int(bytes[index + 2])
      output[position] = alphabet[word >> 18]
      output[position + 1] = alphabet[word >> 12 & 63]
      output[position + 2] = alphabet[word >> 6 & 63]
      output[position + 3] = alphabet[word & 63]
      index += 3
      position += 4
    }
    guard index < bytes.count else { return }
    let second = index + 1 < bytes.count ? bytes[index + 1] : nil
    let word = Int(bytes[index]) << 16 | Int(second ?? 0) << 8
    output[position] = alphabet[word >> 18]
    output[position + 1] = alphabet[word >> 12 & 63]
    if second != nil { output[position + 2] = alphabet[word >> 6 & 63] }
  }

  /// Reads base64. Nil = something else stands in it, the padding is not what it has to be, or bits
  /// behind the last byte are set: each row of bytes has one form (RFC 4648 section 3.5).
  public static func decoded(_ text: String) -> [UInt8]? {
    let digits = text.utf8
    guard digits.count.isMultiple(of: 4) else { return nil }
    let padding = digits.suffix(2).count { $0 == UInt8(ascii: "=") }
    var output: [UInt8] = []
    output.reserveCapacity(digits.count / 4 * 3)
    var accumulator: UInt32 = 0
    var bits: UInt32 = 0
    for digit in digits.dropLast(padding) {
      guard let value = value(of: digit) else { return nil }
      accumulator = accumulator << 6 | value
      bits += 6
      if bits >= 8 {
        bits -= 8
        output.append(UInt8(truncatingIfNeeded: accumulator >> bits))
      }
    }
    guard accumulator & (1 << bits - 1) == 0, output.count % 3 == (3 - padding) % 3 else {
      return nil
    }
    return output
  }

  private static func value(of digit: UInt8) -> UInt32? {
    switch digit {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(digit - UInt8(ascii: "A"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(digit - UInt8(ascii: "a")) + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(digit - UInt8(ascii: "0")) + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
