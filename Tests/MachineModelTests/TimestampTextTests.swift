import MachineModel
import Testing

@Suite("Times as text")
struct TimestampTextTests {
  @Test(
    "times are written as RFC 3339 has them",
    arguments: [
      (0, "1970-01-01T00:00:00Z"), (1, "1970-01-01T00:00:00.000001Z"),
      (-1, "1969-12-31T23:59:59.999999Z"), (951_782_400_000_000, "2000-02-29T00:00:00Z"),
      (Timestamp.earliest.microseconds, "0001-01-01T00:00:00Z"),
      (Timestamp.latest.microseconds, "9999-12-31T23:59:59.999999Z"),
    ])
  func times(microseconds: Int64, text: String) {
    #expect(Timestamp(microseconds: microseconds).rfc3339 == text)
  }
}
