import NIOCore
import Testing

@testable import GRPC

@Suite("The pace at which bytes have to move")
struct PaceTests {
  private func at(_ seconds: Int64) -> NIODeadline {
    .uptimeNanoseconds(1_000_000_000) + .seconds(seconds)
  }

  @Test("is too slow when a period ends with less than was demanded")
  func periods() {
    var pace = Pace(demanded: 100, now: at(0))
    pace.move(99)
    #expect(pace.isTooSlow(period: .seconds(60), next: 100, now: at(59)) == false)
    pace.move(1)
    #expect(pace.isTooSlow(period: .seconds(60), next: 50, now: at(70)) == false)
    pace.move(49)
    #expect(pace.isTooSlow(period: .seconds(60), next: 50, now: at(129)) == false)
    #expect(pace.isTooSlow(period: .seconds(60), next: 50, now: at(130)) == true)
  }

  @Test("is not kept by a byte now and then, which once kept everything for ever")
  func trickle() {
    var pace = Pace(demanded: Pace.demand(ofWaiting: 8 << 20), now: at(0))
    var second: Int64 = 0
    while second < 3_600 {
      second += 20
      pace.move(1)
      if pace.isTooSlow(period: .seconds(60), next: 1, now: at(second)) { break }
    }
    #expect(second == 60)
  }

  @Test("does not count the times in which nothing was read, for twenty periods at most")
  func pauses() {
    var pauses = ReadingPauses()
    var pace = Pace(demanded: 100, now: at(0))
    func isTooSlow(_ second: Int64) -> Bool {
      pace.isTooSlow(
        period: .seconds(60), next: 100, now: at(second), paused: pauses.total(now: at(second)))
    }
    // Read for one second in ten, which is what a client that reads slowly lets us do.
    for second in stride(from: Int64(0), to: 590, by: 10) {
      pauses.begin(now: at(second))
      pauses.begin(now: at(second + 5))
      #expect(!isTooSlow(second + 8))
      pauses.end(now: at(second + 9))
      pauses.end(now: at(second + 10))
    }
    #expect(!isTooSlow(590) && isTooSlow(600))
    // A pause before the period is no excuse within it.
    pace = Pace(demanded: 100, now: at(600), paused: pauses.total(now: at(600)))
    #expect(!isTooSlow(659) && isTooSlow(660))
    // Nor is one without end.
    pace = Pace(demanded: 100, now: at(600), paused: pauses.total(now: at(600)))
    pauses.begin(now: at(600))
    #expect(!isTooSlow(600 + 21 * 60 - 1) && isTooSlow(600 + 21 * 60))
  }

  @Test("demands all of a little, and of much what takes all of it in 20 periods")
  func demand() {
    #expect(Pace.demand(ofWaiting: 0) == 0)
    #expect(Pace.demand(ofWaiting: 1_000) == 1_000)
    #expect(Pace.demand(ofWaiting: 100_000) == 16 << 10)
    #expect(Pace.demand(ofWaiting: 20 << 20) == 1 << 20)
  }
}
