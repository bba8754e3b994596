/// Numbers with units, as people write them in a configuration.
public enum Quantity {
  /// Microseconds of `250ms`, `10s`, `1h30m`; nil if it is not such a text or does not fit.
  public static func microseconds(_ text: some StringProtocol) -> Int? {
    var rest = Substring(text)
    if rest.isEmpty { return nil }
    var total = 0
    while !rest.isEmpty {
      guard let number = takeNumber(&rest) else { return nil }
      let unit = rest.prefix { $0.isLetter }
      rest = rest.dropFirst(unit.count)
      guard let size = microsecondsPerUnit[String(unit)] else { return nil }
      let (product, overflow) = number.multipliedReportingOverflow(by: size)
      let (sum, carry) = total.addingReportingOverflow(product)
      if overflow || carry { return nil }
      total = sum
    }
    return total
  }

  /// Bytes of `65536`, `64KiB`, `16MiB`, `1GiB`; nil if it is not such a text or does not fit.
  public static func bytes(_ text: some StringProtocol) -> Int? {
    var rest = Substring(text)
    guard let number = takeNumber(&rest), let size = bytesPerUnit[String(rest)] else { return nil }
    let (product, overflow) = number.multipliedReportingOverflow(by: size)
    return overflow ? nil : product
  }

  /// The shortest text with one unit that `microseconds(_:)` reads back: `90s`, `1500ms`.
  public static func text(microseconds: Int) -> String {
    if microseconds == 0 { return "0s" }
    let units = [
      ("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000),
      ("ms", 1_000),
    ]
    for (unit, size) in units where microseconds % size == 0 {
      return "\(microseconds / size)\(unit)"
    }
    return "\(microseconds)us"
  }

  /// The shortest text that `bytes(_:)` reads back: `16MiB`.
  public static func text(bytes: Int) -> String {
    if bytes == 0 { return "0" }
    for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] where bytes % (1 << shift) == 0 {
      return "\(bytes >> shift)\(unit)"
    }
    return String(bytes)
  }

  private static let microsecondsPerUnit = [
    "us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000,
    "d": 86_400_000_000,
  ]

  private static let bytesPerUnit = ["": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30]

  private static func takeNumber(_ rest: inout Substring) -> Int? {
    let digits = rest.prefix { $0.isASCII && $0.isNumber }
    rest = rest.dropFirst(digits.count)
    return Int(digits)
  }
}
