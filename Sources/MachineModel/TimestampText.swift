extension Timestamp {
  /// RFC 3339 in UTC with as many digits as needed, 0, 3 or 6: `2026-11-24T22:46:03.250Z`.
  public var rfc3339: String {
    let (days, second) = Timestamp.floorDivide(microseconds, by: 86_400_000_000)
    let (year, month, day) = Timestamp.date(daysSinceEpoch: days)
    let seconds = second / 1_000_000
    let fraction = second % 1_000_000
    var text = "\(Timestamp.digits(year, 4))-\(Timestamp.digits(month, 2))"
    text += "-\(Timestamp.digits(day, 2))T\(Timestamp.digits(seconds / 3_600, 2))"
    text += ":\(Timestamp.digits(seconds / 60 % 60, 2)):\(Timestamp.digits(seconds % 60, 2))"
    if fraction % 1_000 != 0 {
      text += "." + Timestamp.digits(fraction, 6)
    } else if fraction != 0 {
      text += "." + Timestamp.digits(fraction / 1_000, 3)
    }
    return text + "Z"
  }

  private static func floorDivide(_ a: Int64, by b: Int64) -> (Int64, Int64) {
    let (quotient, remainder) = a.quotientAndRemainder(dividingBy: b)
    return remainder < 0 ? (quotient - 1, remainder + b) : (quotient, remainder)
  }

  /// The proleptic Gregorian date, by eras of 400 years that begin in March (Howard Hinnant's
  /// "chrono-Compatible Low-Level Date Algorithms", civil_from_days).
  private static func date(daysSinceEpoch: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let (era, dayOfEra) = floorDivide(daysSinceEpoch + 719_468, by: 146_097)
    let yearOfEra =
      (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    return (
      yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1
    )
  }

  private static func digits(_ number: Int64, _ count: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, count - text.count)) + text
  }
}
