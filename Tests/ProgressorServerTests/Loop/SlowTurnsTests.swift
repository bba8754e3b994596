import MachineModel
import ProgressorEngine
import Testing

@testable import ProgressorServer

@Suite("Turns of the engine's loop that take long")
struct SlowTurnsTests {
  private static let second: Int64 = 1_000_000

  @Test("are those above the threshold")
  func threshold() {
    var turns = SlowTurns()
    #expect(turns.ended(at: SlowTurns.threshold, began: 0) == nil)
    #expect(turns.count == 0)
    #expect(turns.ended(at: SlowTurns.threshold + 1, began: 0) == 0)
    #expect(turns.count == 1)
  }

  @Test("are told once in ten seconds, and how many were not told in between")
  func rate() {
    var turns = SlowTurns()
    let second = SlowTurnsTests.second
    #expect(turns.ended(at: second, began: 0) == 0)
    #expect(turns.ended(at: 2 * second, began: second) == nil)
    #expect(turns.ended(at: 11 * second - 1, began: 9 * second) == nil)
    #expect(turns.ended(at: 11 * second, began: 9 * second) == 2)
    #expect(turns.ended(at: 21 * second, began: 20 * second) == 0)
    #expect(turns.count == 5)
  }

  @Test("are told with what they did")
  func report() {
    let get = Request(
      id: RequestID(1), machine: MachineID(namespace: "n", id: "m"), operation: .get(range: nil),
      deadline: 0)
    let report = TurnReport(
      [.input(.timePassed), .input(.request(get)), .input(.request(get))],
      [.wake(at: 1), .reply(RequestID(1), .removed), .reply(RequestID(2), .removed)])
    #expect(TurnReport.text(report.inputs) == "get 2, timePassed 1")
    #expect(TurnReport.text(report.effects) == "reply 2, wake 1")
    #expect(TurnReport.text([:]) == "")
  }
}
