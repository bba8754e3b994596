import MachineModel
import Testing

@testable import ProgressorSinks

@Suite("When a server wants to be asked again")
struct RetryAfterTests {
  /// 1994-11-06T08:48:37.500Z, a minute and a half a second before the dates below.
  private let now = Timestamp(microseconds: 784_111_717_500_000)

  @Test(
    "it says so in seconds, or by a date in any of the three forms of HTTP",
    arguments: [
      ("0", Duration.zero), ("120", .seconds(120)), ("007", .seconds(7)),
      ("Sun, 06 Nov 1994 08:49:37 GMT", .seconds(59.5)),
      ("Sunday, 06-Nov-94 08:49:37 GMT", .seconds(59.5)),
      ("Sun Nov  6 08:49:37 1994", .seconds(59.5)),
      ("Sun, 06 Nov 1994 08:00:00 GMT", .zero), ("Thursday, 01-Jan-70 00:00:00 GMT", .zero),
    ])
  func taken(value: String, duration: Duration) {
    #expect(RetryAfter.duration(value, now: now) == duration)
  }

  @Test(
    "more than a day is taken for a day",
    arguments: [
      "86401", "9223372036854775807", "99999999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT",
    ])
  func long(value: String) {
    #expect(RetryAfter.duration(value, now: now) == .seconds(86_400))
  }

  @Test(
    "what is neither counts for nothing",
    arguments: [
      "", " ", "-1", "1.5", "soon", "1e3", "Sun, 06 Nov 1994 08:49:37 CET",
      "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT",
      "Sun, 06 Nov 19945 08:49:37 GMT",
      "٣", "Sun, 06 Nov 1994 08:49:37 GMT and more",
    ])
  func ignored(value: String) {
    #expect(RetryAfter.duration(value, now: now) == nil)
  }

  @Test(
    "a leap day, and the day behind it",
    arguments: [("29 Feb", 1_709_164_800), ("01 Mar", 1_709_251_200)])
  func leapYear(day: String, seconds: Int64) {
    #expect(HTTPDate.seconds("Thu, \(day) 2024 00:00:00 GMT", now: now) == seconds)
  }
}
