import NIOCore
import Testing

@testable import GRPC

@Suite struct ResolutionStateTests {
  private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
  private var state = ResolutionState(ChannelConfiguration())

  private func at(_ seconds: Int64) -> NIODeadline { start + .seconds(seconds) }

  private mutating func advance(
    _ need: ResolutionState.Need, _ seconds: Int64
  ) -> Int? {
    state.advance(need, now: at(seconds), random: 0)
  }

  private mutating func answered(_ id: Int, _ seconds: Int64, isFailure: Bool = false) -> Bool {
    state.answered(id, isFailure: isFailure, now: at(seconds), random: 0)
  }

  @Test("The first look-up begins when somebody calls; more during it change nothing")
  mutating func first() {
    #expect(state.nextDeadline(.none) == nil)
    let looksUp = [advance(.none, 0), advance(.searching, 0), advance(.searching, 10)]
    #expect(looksUp == [nil, 1, nil])
  }

  @Test(
    "The next look-up keeps its distance from the end of the last: the more it is needed the less",
    arguments: [(.searching, 2), (.partial, 5), (.settled, 30)] as [(ResolutionState.Need, Int64)])
  mutating func distance(need: ResolutionState.Need, seconds: Int64) {
    _ = advance(.searching, 0)
    let isNews = answered(1, 3)
    #expect(isNews)
    #expect(state.nextDeadline(need) == at(3 + seconds))
    let looksUp = [advance(need, 3 + seconds - 1), advance(need, 3 + seconds)]
    #expect(looksUp == [nil, 2])
  }

  @Test("A failed look-up is repeated as soon as any other, and only while somebody calls")
  mutating func failure() {
    _ = advance(.searching, 0)
    _ = answered(1, 0, isFailure: true)
    #expect(state.hasFailed)
    #expect(state.nextDeadline(.none) == nil)
    #expect(state.nextDeadline(.searching) == at(2))
    _ = advance(.searching, 2)
    _ = answered(2, 2)
    #expect(!state.hasFailed)
  }

  @Test("When a need becomes urgent the look-up that was far off is near")
  mutating func urgency() {
    _ = advance(.searching, 0)
    _ = answered(1, 0)
    #expect(state.nextDeadline(.settled) == at(30))
    let looksUp = advance(.searching, 20)
    #expect(looksUp == 2)
  }

  @Test("A look-up that hangs counts as failed, and holds up others ever less often")
  mutating func hanging() {
    var begun: [Int64] = []
    for second in 0..<1_000 as Range<Int64> {
      if advance(.searching, second) != nil { begun.append(second) }
    }
    #expect(begun == [0, 32, 94, 216, 458, 940])
    #expect(state.hasFailed)
  }

  @Test("Of two answers the later look-up's counts, whichever comes first")
  mutating func lateAnswer() {
    _ = advance(.searching, 0)
    _ = advance(.searching, 30)
    let second = advance(.searching, 32)
    let news = [answered(2, 33), answered(1, 34)]
    #expect(second == 2)
    #expect(news == [true, false])
  }
}
