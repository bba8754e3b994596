import MachineModel
import ProgressorEngine
import Testing

@testable import ProgressorSimulation

/// Histories that break a rule, made by hand: each checker must notice.
@Suite("Checkers: steps")
struct LedgerStepTests {
  let machine = TestMachine()

  @Test("A second invocation of a machine while the first is under way (I1)")
  func twoInvocations() throws {
    var history = TestHistory()
    try history.invoke(.call(args: Tag.bytes(1), key: nil), step: 1)
    #expect(
      broken { try history.invoke(.call(args: Tag.bytes(2), key: nil), step: 2) }
        == .oneInvocation)
    history.answer(0, ProcessorAnswer())
    #expect(broken { try history.invoke(.call(args: Tag.bytes(3), key: nil), step: 3) } == nil)
  }

  @Test("An invocation after the lease's end, or for a shard that is lost")
  func withoutLease() {
    var history = TestHistory()
    history.node.trustedUntil = 100
    #expect(
      broken { try history.invoke(.call(args: Tag.bytes(1), key: nil), step: 1) }
        == .leaseRespected)
    history = TestHistory()
    history.node.epoch = nil
    #expect(
      broken { try history.invoke(.call(args: Tag.bytes(1), key: nil), step: 1) }
        == .leaseRespected)
  }

  @Test("A timeout before its time, or of no timer (I6)")
  func earlyTimeout() {
    var history = TestHistory()
    #expect(broken { try history.invoke(.signal(.timeout), step: 1) } == .timersFireOnce)
    history.stored.row.timer = TestMachine.timer(1, at: .latest)
    #expect(broken { try history.invoke(.signal(.timeout), step: 1) } == .timersFireOnce)
    history.stored.row.timer = TestMachine.timer(1)
    #expect(broken { try history.invoke(.signal(.timeout), step: 1) } == nil)
  }

  @Test("A step of a failed machine (I7)")
  func failedMachine() {
    var history = TestHistory()
    history.stored.row.failure = TestMachine.failure
    history.shown.status = .failed(TestMachine.failure)
    #expect(
      broken { try history.invoke(.call(args: Tag.bytes(1), key: nil), step: 1) }
        == .failedMachineRests)
    #expect(broken { try history.invoke(.repair(args: Tag.bytes(1), key: nil), step: 1) } == nil)
  }

  @Test("A processor that is shown another machine than the database has")
  func wrongMachine() {
    var history = TestHistory()
    history.stored.row.auxState = Content(data: [1])
    #expect(
      broken { try history.invoke(.call(args: Tag.bytes(1), key: nil), step: 1) }
        == .truthfulReads)
  }

  @Test("A notification that is delivered and is not the head of the queue (I5)")
  func notTheHead() {
    var history = TestHistory()
    history.stored.notifications = [TestMachine.notification(1), TestMachine.notification(2)]
    let second = Signal.notification(args: [], notificationID: "0-2")
    #expect(broken { try history.invoke(.signal(second), step: 1) } == .notificationsDelivered)
  }

  @Test("A step that begins though nobody waits for it any more")
  func droppedRequest() throws {
    var history = TestHistory()
    history.waits = false
    #expect(
      broken { try history.invoke(.call(args: Tag.bytes(9), key: nil), step: 1) }
        == .droppedRequests)
  }

  @Test("An answer that is written twice, or to another incarnation (I1, I12)")
  func writtenTwice() throws {
    var history = TestHistory()
    try history.invoke(.call(args: Tag.bytes(1), key: nil), step: 1)
    history.answer(
      0, ProcessorAnswer(change: StateChange(events: [Content(data: Tag.bytes(0))])))
    let record = machine.updated(to: 2, events: TestMachine.events(1, 1))
    var other = record
    other.key = MachineKey(2)
    var fresh = history
    #expect(broken { try fresh.apply(other) } == .incarnations)
    try history.apply(record)
    #expect(broken { try history.apply(record) } == .oneInvocation)
  }

  @Test("An answer that is written before it came, or that breaks a rule of the contract")
  func notAnswered() throws {
    var history = TestHistory()
    try history.invoke(.call(args: Tag.bytes(1), key: nil), step: 1)
    let record = machine.updated(to: 2, events: TestMachine.events(1, 1))
    #expect(broken { try history.apply(record) } == .oneInvocation)
    history.ledger.invocations[0].isUnusable = true
    history.answer(
      0, ProcessorAnswer(change: StateChange(events: [Content(data: Tag.bytes(0))])))
    #expect(broken { try history.apply(record) } == .bounds)
  }

  @Test("One setting of a timer that leads to two steps (I6)")
  func firesTwice() throws {
    var history = TestHistory()
    history.stored.row.timer = TestMachine.timer(4)
    let record = machine.updated(to: 2)
    try history.invoke(.signal(.timeout), step: 1)
    history.answer(0, ProcessorAnswer())
    try history.apply(record)
    history.shown.timer = nil
    try history.invoke(.signal(.timeout), step: 2)
    history.answer(1, ProcessorAnswer())
    #expect(broken { try history.apply(record) } == .timersFireOnce)
  }

  @Test("A timer, a queue or an aux state that is lost without anybody's saying so (I6, I7)")
  func lostByItself() throws {
    var history = TestHistory()
    history.stored.row.timer = TestMachine.timer(4)
    #expect(broken { try history.apply(machine.updated(to: 2)) } == .timersFireOnce)
    #expect(
      broken { try history.apply(machine.updated(to: 2) { $0.failure = TestMachine.failure }) }
        == .failedMachineRests)
    history.stored.row.timer = nil
    history.stored.notifications = [TestMachine.notification(1)]
    #expect(
      broken { try history.apply(machine.updated(to: 2, dequeued: 1)) } == .notificationsDelivered)
  }

  @Test("A failed machine that takes a step that is no repair (I7)")
  func failedTakesAStep() throws {
    var history = TestHistory()
    history.stored.row.failure = TestMachine.failure
    #expect(
      broken { try history.apply(machine.updated(to: 2) { $0.failure = TestMachine.failure }) }
        == .failedMachineRests)
  }
}
