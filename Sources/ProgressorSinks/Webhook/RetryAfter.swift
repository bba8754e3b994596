import MachineModel

/// When a server wants to be asked again (RFC 9110, 10.2.3).
enum RetryAfter {
  /// What is more is taken for this.
  static let maximum = Duration.seconds(24 * 3600)

  /// How long to wait; nil = the value is neither a number of seconds nor a date.
  static func duration(_ value: String, now: Timestamp) -> Duration? {
    let text = value.prefix(64)
    if !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
      guard let seconds = Int64(text) else { return maximum }
      return min(.seconds(seconds), maximum)
    }
    guard let date = HTTPDate.seconds(String(text), now: now) else { return nil }
    let (whole, rest) = now.microseconds.quotientAndRemainder(dividingBy: 1_000_000)
    let wait = Duration.seconds(date - whole) - .microseconds(rest)
    return min(max(wait, .zero), maximum)
  }
}

/// Dates of HTTP (RFC 9110, 5.6.7), in the three forms that a recipient has to know:
/// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and
/// `Sun Nov  6 08:49:37 1994`.
enum HTTPDate {
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  /// Seconds since 1970; nil = it is none of the forms.
  static func seconds(_ text: String, now: Timestamp) -> Int64? {
    let words = text.split { " ,-".contains($0) }
    guard words.count == 6 && words[5] == "GMT" || words.count == 5 else { return nil }
    let (day, month, time, year) =
      words.count == 6
      ? (words[1], words[2], words[4], words[3]) : (words[2], words[1], words[3], words[4])
    guard let month = months.firstIndex(of: String(month)), let day = number(day),
      (1...31).contains(day), var year = number(year), year <= 9999,
      let second = secondOfDay(time)
    else { return nil }
    if words[words.count == 6 ? 3 : 4].utf8.count == 2 { year = century(of: year, now: now) }
    return days(year: year, month: Int64(month) + 1, day: day) * 86_400 + second
  }

  private static func secondOfDay(_ text: Substring) -> Int64? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(number)
    guard parts.count == 3, let hour = parts[0], let minute = parts[1], let second = parts[2],
      hour < 24, minute < 60, second <= 60
    else { return nil }
    return hour * 3600 + minute * 60 + second
  }

  private static func number(_ text: Substring) -> Int64? {
    guard (1...4).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) })
    else { return nil }
    return Int64(text)
  }

  /// A year of two digits that seems more than 50 years ahead is one that has passed.
  private static func century(of year: Int64, now: Timestamp) -> Int64 {
    let present = 1970 + now.microseconds / 31_556_952_000_000
    let candidate = present / 100 * 100 + year
    return candidate > present + 50 ? candidate - 100 : candidate
  }

  /// Days since 1970 of the proleptic Gregorian calendar (Howard Hinnant's "chrono-Compatible
  /// Low-Level Date Algorithms", days_from_civil; years from 0 on).
  private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
    let shifted = month <= 2 ? year + 399 : year + 400
    let era = shifted / 400
    let yearOfEra = shifted % 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return (era - 1) * 146_097 + dayOfEra - 719_468
  }
}
