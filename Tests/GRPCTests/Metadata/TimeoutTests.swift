import GRPC
import NIOCore
import Testing

@Suite struct TimeoutTests {
  @Test(
    "Each unit is read",
    arguments: [
      ("1H", TimeAmount.hours(1)), ("2M", .minutes(2)), ("3S", .seconds(3)),
      ("4m", .milliseconds(4)), ("5u", .microseconds(5)), ("99999999n", .nanoseconds(99_999_999)),
      ("0S", .zero), ("00000001S", .seconds(1)),
    ])
  func parse(value: String, amount: TimeAmount) {
    #expect(Timeout.parse(Array(value.utf8)) == amount)
  }

  @Test(
    "Anything else is malformed",
    arguments: ["", "S", "1", "123456789S", "-1S", "1.5S", "1s", "1h", " 1S", "1S ", "+1S"])
  func malformed(value: String) {
    #expect(Timeout.parse(Array(value.utf8)) == nil)
  }

  @Test("The longest timeout does not overflow, nor does a deadline made of it")
  func overflow() throws {
    let longest = try #require(Timeout.parse(Array("99999999H".utf8)))
    #expect(longest == .nanoseconds(.max))
    let now = NIODeadline.uptimeNanoseconds(5_000_000_000)
    #expect(Timeout.deadline(after: longest, from: now) == .distantFuture)
    #expect(
      Timeout.deadline(after: .seconds(1), from: now) == .uptimeNanoseconds(6_000_000_000))
  }

  @Test(
    "A timeout is written in the finest unit that fits into eight digits, rounded up",
    arguments: [
      (TimeAmount.nanoseconds(1), "1n"), (.nanoseconds(99_999_999), "99999999n"),
      (.nanoseconds(100_000_001), "100001u"), (.seconds(30), "30000000u"),
      (.seconds(100), "100000m"), (.hours(1), "3600000m"), (.hours(24 * 365), "31536000S"),
      (.nanoseconds(.max), "2562048H"), (.zero, "1n"), (.seconds(-5), "1n"),
    ])
  func format(amount: TimeAmount, value: String) {
    #expect(Timeout.format(amount) == value)
  }
}
