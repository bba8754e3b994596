import MachineModel
import ProgressorEngine
import Testing

@testable import ProgressorSimulation

@Suite("Checkers: batches")
struct BatchCheckerTests {
  let machine = TestMachine()

  private func outcome(
    _ records: [CommitRecord], slot: Int = 0, owned: [ShardID: Int64] = [ShardID(0): 1],
    busy: Bool = false, part: ShardPart = .all
  ) -> Invariant? {
    var configuration = EngineConfiguration()
    configuration.shards = 1
    configuration.slots = 1
    configuration.part = part
    let batch = CommitBatch(id: BatchID(1), slot: slot, records: records)
    return broken {
      try BatchChecker.check(batch, configuration: configuration, owned: owned, busy: busy)
    }
  }

  @Test("A batch that keeps the rules passes")
  func passes() { #expect(outcome([machine.created()]) == nil) }

  @Test("Two batches in flight on one slot, an empty one, one on a slot that is not there")
  func slots() {
    #expect(outcome([machine.created()], busy: true) == .batchRules)
    #expect(outcome([]) == .batchRules)
    #expect(outcome([machine.created()], slot: 1) == .batchRules)
  }

  @Test("A slot of another core, or of a shard of another core")
  func cores() {
    let first = ShardPart(CoreNumber(0), of: 2)
    let second = ShardPart(CoreNumber(1), of: 2)
    #expect(outcome([machine.created()], part: first) == nil)
    #expect(outcome([machine.created()], slot: 1, part: first) == .batchRules)
    #expect(outcome([machine.created()], slot: 1, part: second) == .batchRules)
    #expect(outcome([machine.created()], slot: 2, part: first) == .batchRules)
  }

  @Test("Two changes of one machine's row in a batch; an accepted notification is none")
  func oneChange() {
    let accepted = machine.record(.requeue(due: nil), enqueued: [TestMachine.notification(1)])
    #expect(outcome([machine.created(), machine.updated(to: 2)]) == .batchRules)
    #expect(outcome([machine.updated(to: 2), accepted, accepted]) == nil)
  }

  @Test("A record of a shard that was lost, or that is not the machine's")
  func shards() {
    #expect(outcome([machine.created()], owned: [:]) == .ownerCommits)
    var record = machine.created()
    record.shard = ShardID(1)
    #expect(outcome([record], owned: [ShardID(1): 1]) == .batchRules)
  }

  @Test("More records, events or bytes than the limits allow (I10)")
  func limits() {
    let records = Array(repeating: machine.record(.keep, key: "k"), count: 501)
    #expect(outcome(records) == .bounds)
    #expect(outcome([machine.created(events: 50_001)]) == .bounds)
    let large = Event(
      id: 1, createdAt: TestMachine.start,
      body: Content(data: Array(repeating: 0, count: 9 << 20)))
    #expect(outcome([machine.updated(to: 2, events: [large])]) == .bounds)
  }
}
