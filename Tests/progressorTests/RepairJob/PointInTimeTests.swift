import MachineModel
import ProgressorServer
import Testing

@testable import progressor

@Suite("Points in time for people")
struct PointInTimeTests {
  private let now = Timestamp(microseconds: 1_800_000_000_000_000)

  @Test(
    "RFC 3339 is read in every form",
    arguments: [
      ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
      ("2026-11-25T08:30:00Z", "2026-11-25T08:30:00Z"),
      ("2026-11-25t08:30:00z", "2026-11-25T08:30:00Z"),
      ("2026-11-25 08:30:00Z", "2026-11-25T08:30:00Z"),
      ("2026-11-25T08:30:00+01:30", "2026-11-25T07:00:00Z"),
      ("2026-12-31T23:00:00-02:00", "2027-01-01T01:00:00Z"),
      ("2024-02-29T23:59:59.123456789Z", "2024-02-29T23:59:59.123456Z"),
      ("2000-02-29T00:00:00.5Z", "2000-02-29T00:00:00.500Z"),
      ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
      ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
    ])
  func rfc3339(text: String, expected: String) {
    #expect(PointInTime.read(text, now: now)?.rfc3339 == expected)
  }

  @Test("A span of time is so long ago")
  func ago() {
    #expect(PointInTime.read("2h", now: now) == now.advanced(byMicroseconds: -7_200_000_000))
    #expect(PointInTime.read("1d12h", now: now) == now.advanced(byMicroseconds: -129_600_000_000))
  }

  @Test(
    "Nothing else is a time",
    arguments: [
      "", "now", "2026-11-25", "2026-11-25T08:30Z", "2026-11-25T08:30:00", "2026-13-01T00:00:00Z",
      "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
      "2026-11-25T24:00:00Z", "2026-11-25T08:30:60Z", "2026-11-25T08:30:00.Z",
      "2026-11-25T08:30:00ZZ", "2026-11-25T08:30:00+1:00", "0000-01-01T00:00:00Z",
      "0001-01-01T00:00:00+01:00", "９999-12-31T23:59:59Z", "-1h",
    ])
  func mistakes(text: String) {
    #expect(PointInTime.read(text, now: now) == nil)
  }
}
