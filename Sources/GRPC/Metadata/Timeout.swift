public import NIOCore

/// The value of `grpc-timeout` (gRPC over HTTP/2, "Timeout"): one to eight digits and a unit.
public enum Timeout {
  /// Reads a timeout; nil if it is malformed. What does not fit is cut to the longest `TimeAmount`.
  public static func parse(_ value: some Collection<UInt8>) -> TimeAmount? {
    guard (2...9).contains(value.count), let unit = value.reversed().first,
      let nanoseconds = nanosecondsPerUnit(unit)
    else { return nil }
    var number: Int64 = 0
    for byte in value.dropLast() {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
      number = number * 10 + Int64(byte - UInt8(ascii: "0"))
    }
    let (product, overflow) = number.multipliedReportingOverflow(by: nanoseconds)
    return .nanoseconds(overflow ? .max : product)
  }

  /// Writes a timeout in the finest unit whose number has at most eight digits, rounded up so that
  /// a positive rest never becomes zero. A rest of zero or less is `1n`: the peer gives up at once.
  public static func format(_ timeout: TimeAmount) -> String {
    let nanoseconds = max(timeout.nanoseconds, 1)
    for (letter, size) in units {
      let (quotient, remainder) = nanoseconds.quotientAndRemainder(dividingBy: size)
      let number = remainder == 0 ? quotient : quotient + 1
      if number <= 99_999_999 { return "\(number)\(letter)" }
    }
    return "99999999H"
  }

  /// The moment at which a timeout that starts now ends. Never later than `.distantFuture`.
  public static func deadline(after timeout: TimeAmount, from now: NIODeadline) -> NIODeadline {
    let rest = NIODeadline.distantFuture - now
    return timeout >= rest ? .distantFuture : now + timeout
  }

  private static let units: [(letter: Character, nanoseconds: Int64)] = [
    ("n", 1), ("u", 1_000), ("m", 1_000_000), ("S", 1_000_000_000), ("M", 60_000_000_000),
    ("H", 3_600_000_000_000),
  ]

  private static func nanosecondsPerUnit(_ letter: UInt8) -> Int64? {
    units.first { $0.letter.asciiValue == letter }?.nanoseconds
  }
}
