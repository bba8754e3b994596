/// The encoding of `grpc-message` (gRPC over HTTP/2, "Percent-Encoded"): UTF-8 in which every byte
/// outside 0x20–0x7E, and `%` itself, is written `%XX`. So is a space at either end, which HTTP/2
/// forbids there (RFC 9113 section 8.2.1).
public enum PercentEncoding {
  /// Encodes any string.
  public static func encode(_ message: String) -> String {
    let space = UInt8(ascii: " ")
    let hasOuterSpace = message.utf8.first == space || message.utf8.last == space
    guard hasOuterSpace || message.utf8.contains(where: needsEscape) else { return message }
    let last = message.utf8.count - 1
    var bytes: [UInt8] = []
    bytes.reserveCapacity(message.utf8.count + 16)
    for (index, byte) in message.utf8.enumerated() {
      let isOuterSpace = byte == space && (index == 0 || index == last)
      guard needsEscape(byte) || isOuterSpace else {
        bytes.append(byte)
        continue
      }
      bytes.append(UInt8(ascii: "%"))
      bytes.append(hexDigit(byte >> 4))
      bytes.append(hexDigit(byte & 15))
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Decodes what a peer sent. It never fails: a broken escape stays as it is, and bytes that are
  /// no UTF-8 become U+FFFD, because a damaged message must not hide the status beside it.
  public static func decode(_ value: some Collection<UInt8>) -> String {
    guard value.contains(UInt8(ascii: "%")) else { return String(decoding: value, as: UTF8.self) }
    let input = Array(value)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(input.count)
    var index = 0
    while index < input.count {
      if input[index] == UInt8(ascii: "%"), index + 2 < input.count,
        let high = hexValue(input[index + 1]), let low = hexValue(input[index + 2])
      {
        bytes.append(high << 4 | low)
        index += 3
      } else {
        bytes.append(input[index])
        index += 1
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func needsEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte > 0x7E || byte == UInt8(ascii: "%")
  }

  private static func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
  }

  private static func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}
