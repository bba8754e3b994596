import Testing

@testable import ProgressorEngine

@Suite("A peak")
struct PeakTests {
  private let second: Int64 = 1_000_000

  @Test("is the highest of the last minute")
  func highest() {
    var peak = Peak()
    #expect(peak.height(at: 0) == 0)
    peak.record(3, at: 1_000 * second)
    peak.record(7, at: 1_001 * second)
    peak.record(5, at: 1_002 * second)
    #expect(peak.height(at: 1_002 * second) == 7)
    #expect(peak.height(at: 1_061 * second) == 7)
  }

  @Test("is the same for everybody who reads it, and however often")
  func readers() {
    var peak = Peak()
    peak.record(3, at: second)
    #expect((0..<5).allSatisfy { peak.height(at: ($0 + 1) * second) == 3 })
  }

  @Test("is forgotten after a minute, and five seconds at most", arguments: [0, 4, 7, 4_711])
  func forgotten(start: Int64) {
    var peak = Peak()
    peak.record(9, at: start * second)
    peak.record(2, at: (start + 30) * second)
    #expect(peak.height(at: (start + 60) * second) == 9)
    #expect(peak.height(at: (start + 65) * second) == 2)
    #expect(peak.height(at: (start + 95) * second) == 0)
  }

  @Test("knows nothing more of what was before a long rest")
  func rest() {
    var peak = Peak()
    for number in 0..<200 { peak.record(number, at: Int64(number) * second) }
    peak.record(1, at: 1_000_000 * second)
    #expect(peak.height(at: 1_000_000 * second) == 1)
    #expect(peak.height(at: 1_000_030 * second) == 1)
  }

  @Test("agrees with every number of the window, at any rate of records")
  func model() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      var peak = Peak()
      var records: [(height: Int, at: Int64)] = []
      var now: Int64 = 0
      for _ in 0..<100 {
        now += Int64.random(in: 0...20_000_000, using: &generator)
        records.append((Int.random(in: 0...100, using: &generator), now))
        peak.record(records.last?.height ?? 0, at: now)
        let within = { (window: Int64) in
          records.filter { $0.at >= now - window }.map(\.height).max() ?? 0
        }
        let height = peak.height(at: now)
        #expect(height >= within(60 * second) && height <= within(65 * second))
      }
    }
  }
}
