import MachineModel
import ProgressorEngine
import Testing

@testable import ProgressorSimulation

@Suite("Checkers: what is in flight on a node")
struct InFlightTests {
  private let machine = TestMachine()
  private let batch = CommitBatch(
    id: BatchID(1), slot: 0,
    records: [TestMachine().updated(to: 2, events: TestMachine.events(1, 1))])

  /// The rule that an invocation breaks when so much is in flight.
  private func outcome(_ history: TestHistory, steps: Int, calls: Int) -> Invariant? {
    broken {
      try history.ledger.isBounded(
        0, widest: Ledger.Widest(mailbox: 1, steps: steps, calls: calls, notifications: 1))
    }
  }

  private func history() throws -> TestHistory {
    var history = TestHistory()
    try history.invoke(.call(args: Tag.bytes(1), key: nil), step: 1)
    return history
  }

  @Test("More calls or steps than the limits allow (I10)")
  func bounds() throws {
    let history = try history()
    #expect(outcome(history, steps: 1, calls: 1) == nil)
    #expect(outcome(history, steps: 1, calls: 0) == .bounds)
    #expect(outcome(history, steps: 0, calls: 1) == .bounds)
  }

  @Test("A call whose machine a fenced batch drops is not counted, and not twice")
  func fenced() throws {
    var history = try history()
    history.ledger.givenUp(batch, by: 0)
    #expect(outcome(history, steps: 0, calls: 0) == nil)
    history.answer(0, ProcessorAnswer())
    #expect(history.ledger.callsInFlight.values.allSatisfy { $0 == 0 })
  }

  @Test("A step counts until its engine hears how its batch ended, unless it stands aside")
  func writing() throws {
    var history = try history()
    history.answer(
      0, ProcessorAnswer(change: StateChange(events: [Content(data: Tag.bytes(0))])))
    #expect(outcome(history, steps: 0, calls: 0) == nil)
    history.ledger.sent(batch, by: 0)
    #expect(outcome(history, steps: 0, calls: 0) == .bounds)
    var lost = history
    lost.ledger.abandoned([ShardID(of: machine.id, shards: 1)], of: 1, by: 0)
    #expect(outcome(lost, steps: 0, calls: 0) == nil)
    history.ledger.heard(batch, by: 0)
    #expect(outcome(history, steps: 0, calls: 0) == nil)
    history.ledger.aside.insert(NodeMachine(node: 0, machine: machine.id))
    history.ledger.sent(batch, by: 0)
    #expect(outcome(history, steps: 0, calls: 0) == nil)
  }
}
