import MachineModel
import ProgressorServer

/// Points in time as people write them.
enum PointInTime {
  /// `2026-11-25T08:30:00Z`, `2026-11-25T09:30:00.5+01:00`, or `2h`: so long before `now`. nil if
  /// it is not such a text.
  static func read(_ text: String, now: Timestamp) -> Timestamp? {
    if let distance = Quantity.microseconds(text) {
      return now.advanced(byMicroseconds: -Int64(distance))
    }
    return rfc3339(text)
  }

  /// RFC 3339, section 5.6, without leap seconds; digits beyond microseconds are dropped.
  private static func rfc3339(_ text: String) -> Timestamp? {
    var reader = Reader(rest: text.uppercased()[...])
    guard let year = reader.number(digits: 4), reader.take("-"),
      let month = reader.number(digits: 2, in: 1...12), reader.take("-"),
      let day = reader.number(digits: 2, in: 1...31), day <= days(of: month, year),
      reader.take("T") || reader.take(" "),
      let hour = reader.number(digits: 2, in: 0...23), reader.take(":"),
      let minute = reader.number(digits: 2, in: 0...59), reader.take(":"),
      let second = reader.number(digits: 2, in: 0...59),
      let fraction = reader.fraction(), let offset = reader.offset(), reader.rest.isEmpty,
      year >= 1
    else { return nil }
    let secondOfDay: Int64 = (hour * 60 + minute) * 60 + second
    let seconds: Int64 = daysSinceEpoch(year, month, day) * 86_400 + secondOfDay
    let time = Timestamp(microseconds: (seconds - offset) * 1_000_000 + fraction)
    return time < .earliest || time > .latest ? nil : time
  }

  private static func days(of month: Int64, _ year: Int64) -> Int64 {
    switch month {
    case 4, 6, 9, 11: 30
    case 2: isLeap(year) ? 29 : 28
    default: 31
    }
  }

  private static func isLeap(_ year: Int64) -> Bool {
    year.isMultiple(of: 400) || (year.isMultiple(of: 4) && !year.isMultiple(of: 100))
  }

  /// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil, for years that
  /// are not negative.
  private static func daysSinceEpoch(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let year = month <= 2 ? year - 1 : year
    let era = year / 400
    let yearOfEra = year - era * 400
    let monthOfYear: Int64 = month > 2 ? month - 3 : month + 9
    let dayOfYear = (153 * monthOfYear + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  /// Takes parts off the beginning of a text.
  private struct Reader {
    var rest: Substring

    mutating func take(_ character: Character) -> Bool {
      guard rest.first == character else { return false }
      rest.removeFirst()
      return true
    }

    mutating func number(digits: Int, in range: ClosedRange<Int64> = 0...9_999) -> Int64? {
      let part = rest.prefix(digits)
      guard part.count == digits, part.allSatisfy({ $0.isASCII && $0.isNumber }),
        let number = Int64(part), range.contains(number)
      else { return nil }
      rest.removeFirst(digits)
      return number
    }

    /// Microseconds; 0 if there is no fraction, nil if there is none behind a point.
    mutating func fraction() -> Int64? {
      guard take(".") else { return 0 }
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      if digits.isEmpty { return nil }
      rest.removeFirst(digits.count)
      var text = String(digits.prefix(6))
      text += String(repeating: "0", count: 6 - text.count)
      return Int64(text)
    }

    /// Seconds east of UTC.
    mutating func offset() -> Int64? {
      if take("Z") { return 0 }
      let isEast = take("+")
      guard isEast || take("-"), let hour = number(digits: 2, in: 0...23), take(":"),
        let minute = number(digits: 2, in: 0...59)
      else { return nil }
      let seconds: Int64 = (hour * 60 + minute) * 60
      return isEast ? seconds : -seconds
    }
  }
}
