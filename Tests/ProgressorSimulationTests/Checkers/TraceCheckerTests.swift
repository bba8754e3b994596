import MachineModel
import ProgressorEngine
import Testing

@testable import ProgressorSimulation

@Suite("The checker of what is recorded")
struct TraceCheckerTests {
  private let machine = TestMachine()

  private func history(_ level: TraceLevel) -> TestHistory {
    var history = TestHistory()
    history.ledger.traceLevels[ExactText("n")] = level
    return history
  }

  private func step(
    _ outcome: StepOutcome, _ sequence: Int64 = 1, kind: StepKind? = .timeout,
    events: ClosedRange<Int64>? = nil
  ) -> TracedStep {
    TracedStep(
      record: StepRecord(
        sequence: sequence, kind: kind, beganAt: TestMachine.start, endedAt: TestMachine.start,
        outcome: outcome, firstEventID: events?.lowerBound ?? 0,
        lastEventID: events?.upperBound ?? 0), expiresAt: .latest)
  }

  private func failed() -> CommitRecord {
    machine.updated(to: 2) {
      $0.failure = Failure(
        reason: "", failedAt: TestMachine.start, stepKind: .timeout, code: 13, attempts: 1,
        step: "t")
    }
  }

  /// Whether the record may be in the database.
  private func isRight(
    _ level: TraceLevel, _ record: CommitRecord, _ traced: TracedStep?
  ) -> Bool {
    var (history, record) = (history(level), record)
    record.traced = traced
    return broken { try history.apply(record) } == nil
  }

  @Test("A failure is recorded once, as what it is, unless nothing is to be recorded")
  func failure() {
    #expect(isRight(.changes, failed(), step(.failed)))
    #expect(isRight(.all, failed(), step(.failed)))
    #expect(!isRight(.changes, failed(), nil))
    #expect(!isRight(.changes, failed(), step(.committed)))
    #expect(!isRight(.nothing, failed(), step(.failed)))
    #expect(isRight(.nothing, failed(), nil))
    #expect(!isRight(.all, failed(), step(.failed, events: 1...2)))
  }

  @Test("A refusal is recorded by itself, where all is, and a kept reply is none")
  func refusal() {
    #expect(isRight(.all, machine.record(.keep), step(.refused, kind: .call)))
    #expect(!isRight(.changes, machine.record(.keep), step(.refused, kind: .call)))
    #expect(!isRight(.all, machine.record(.keep, key: "k"), step(.refused, kind: .call)))
    #expect(isRight(.all, machine.record(.keep, key: "k"), step(.committed, kind: .call)))
    #expect(!isRight(.all, machine.record(.keep, key: "k"), nil))
  }

  @Test("Sequences grow")
  func sequences() throws {
    for (second, isRight) in [(Int64(8), true), (7, false), (6, false)] {
      var history = history(.all)
      var record = machine.record(.keep)
      record.traced = step(.refused, 7, kind: .call)
      try history.apply(record)
      record.traced?.record.sequence = second
      #expect((broken { try history.apply(record) } == nil) == isRight)
    }
  }

  @Test("A refusal that a client hears of is recorded")
  func toldRefusals() throws {
    let error = Reply.error(ProgressorError(.notFound, .processorRefused, "no"))
    var history = history(.all)
    let call = Operation.call(args: Tag.bytes(5), range: nil, key: nil)
    let early = history.request(call, tag: 5)
    #expect(broken { try history.reply(early, error) } == .recordedOnce)
    var record = machine.record(.keep)
    record.traced = step(.refused, kind: .call)
    history = self.history(.all)
    let told = history.request(call, tag: 5)
    try history.apply(record)
    try history.reply(told, error)
  }

  @Test("A page has no more than was asked for, in order, and all that was there")
  func pages() throws {
    func isRight(_ sequences: [Int64], next: Int64 = 0) -> Bool {
      var history = history(.all)
      history.stored.trace = [step(.failed, 3).record, step(.failed, 5).record]
      let id = history.request(.trace(TraceQuery(before: 0, limit: 2)), tag: 1)
      let steps = sequences.map { step(.failed, $0).record }
      return broken { try history.reply(id, .traced(steps, next: next)) } == nil
    }
    #expect(isRight([5, 3]) && isRight([7, 5], next: 5) && isRight([5]))
    #expect(!isRight([3]) && !isRight([]) && !isRight([3, 5]) && !isRight([9, 7, 5]))
    #expect(!isRight([7, 5], next: 7))
  }
}
