import Testing

@testable import ProgressorStorage

@Suite("Pauses of a sweep that fails")
struct SweepRestTests {
  private static let second: Int64 = 1_000_000

  @Test("They double from one second to sixty, and begin anew after a piece that was deleted")
  func pauses() throws {
    var rest = SweepRest()
    for _ in 1...2 {
      #expect(rest.until == nil)
      var longest = Self.second
      for number in 1...100 {
        let now = Int64(number) * 1_000 * Self.second
        _ = rest.failed(at: now)
        let pause = try #require(rest.until) - now
        #expect((longest / 2...longest).contains(pause))
        longest = min(2 * longest, 60 * Self.second)
      }
      _ = rest.ended()
    }
  }

  @Test("A single failure is not told; more in a row are told once, and once that they are over")
  func telling() {
    var rest = SweepRest()
    for _ in 1...2 {
      var told: [Bool] = []
      told.append(rest.failed(at: 0))
      told.append(rest.ended())
      #expect(told == [false, false])
      told = []
      for time in 1...50 { told.append(rest.failed(at: Int64(time))) }
      #expect(told.count { $0 } == 1)
      told = [rest.ended(), rest.ended()]
      #expect(told == [true, false])
    }
  }
}
