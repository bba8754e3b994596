import ProgressorServer
import Testing

@Suite("Quantities with units")
struct QuantityTests {
  @Test(
    "durations are read with their units, and sums of them",
    arguments: [
      ("0s", 0), ("1us", 1), ("250ms", 250_000), ("10s", 10_000_000), ("5m", 300_000_000),
      ("24h", 86_400_000_000), ("2d", 172_800_000_000), ("1h30m", 5_400_000_000),
    ])
  func durations(text: String, microseconds: Int) {
    #expect(Quantity.microseconds(text) == microseconds)
  }

  @Test(
    "what is no duration is refused",
    arguments: [
      "", "10", "s", "-1s", "1.5s", "10 s", "10S", "1x", "99999999999999999999s",
      "9223372036854775807d",
    ])
  func noDurations(text: String) {
    #expect(Quantity.microseconds(text) == nil)
  }

  @Test(
    "sizes are read with their units",
    arguments: [
      ("0", 0), ("512", 512), ("7B", 7), ("64KiB", 65_536), ("16MiB", 16_777_216),
      ("1GiB", 1 << 30),
    ])
  func sizes(text: String, bytes: Int) {
    #expect(Quantity.bytes(text) == bytes)
  }

  @Test(
    "what is no size is refused",
    arguments: ["", "KiB", "-1", "1.5MiB", "1MB", "9223372036854775807KiB"])
  func noSizes(text: String) {
    #expect(Quantity.bytes(text) == nil)
  }

  @Test(
    "what is written is read back",
    arguments: [0, 1, 999, 1_000, 1_500_000, 90_000_000, 86_400_000_000])
  func roundTrip(number: Int) {
    #expect(Quantity.microseconds(Quantity.text(microseconds: number)) == number)
    #expect(Quantity.bytes(Quantity.text(bytes: number)) == number)
  }
}
