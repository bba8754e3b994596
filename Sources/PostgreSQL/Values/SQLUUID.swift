/// A `uuid`: 128 bits.
public struct SQLUUID: Hashable, Sendable, SQLValue, CustomStringConvertible {
  /// The first eight bytes, big-endian.
  public let high: UInt64

  /// The last eight bytes, big-endian.
  public let low: UInt64

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// A random one, version 4 (RFC 9562, section 5.4), from the system's generator.
  public static func random() -> SQLUUID {
    let high = UInt64.random(in: .min ... .max) & ~0xF000 | 0x4000
    let low = UInt64.random(in: .min ... .max) & (.max >> 2) | (1 << 63)
    return SQLUUID(high: high, low: low)
  }

  @inlinable
  public static var sqlType: SQLType { .uuid }

  @inlinable
  public func encode(into buffer: inout [UInt8]) {
    buffer.append(bigEndian: high)
    buffer.append(bigEndian: low)
  }

  public init?(decoding bytes: RawSpan) {
    guard bytes.byteCount == 16,
      let high = bytes.extracting(0..<8).bigEndianInteger(UInt64.self),
      let low = bytes.extracting(8..<16).bigEndianInteger(UInt64.self)
    else { return nil }
    self.init(high: high, low: low)
  }

  /// The form with hyphens, lower case: `00000000-0000-4000-8000-000000000000`.
  public var description: String {
    let digits = Self.digits(of: high) + Self.digits(of: low)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if [8, 12, 16, 20].contains(index) { text.append("-") }
      text.append(digit)
    }
    return text
  }

  private static func digits(of value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
