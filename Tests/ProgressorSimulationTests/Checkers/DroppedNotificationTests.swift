import MachineModel
import ProgressorEngine
import Testing

@testable import ProgressorSimulation

@Suite("The ledger of dropped notifications")
struct DroppedNotificationTests {
  private let machine = TestMachine()
  private let drop = Operation.dropNotification(id: "0-5")

  /// Two notifications were accepted.
  private func history() throws -> TestHistory {
    var history = TestHistory()
    let queue = [TestMachine.notification(5, tag: 1), TestMachine.notification(6, tag: 2)]
    try history.apply(machine.record(.requeue(due: nil), enqueued: queue))
    history.stored.notifications = queue
    history.stored.row.notificationCount = 2
    return history
  }

  private func dropping(_ sequence: Int64, isHead: Bool = true) -> CommitRecord {
    var record = machine.updated(to: 2)
    record.dropped = DroppedNotification(sequence: sequence, isHead: isHead)
    return record
  }

  @Test("A drop is answered when the notification is out of the queue, and not before")
  func answered() throws {
    var history = try history()
    let early = history.request(drop, tag: 9)
    #expect(broken { try history.reply(early, .notificationDropped) } == .acknowledgedIsDurable)
    let missing = history.request(drop, tag: 10)
    #expect(
      broken { try history.reply(missing, .error(.notificationNotFound("0-5"))) }
        == .truthfulErrors)
    let asked = history.request(drop, tag: 11)
    let record = dropping(5)
    try history.apply(record)
    var after = history.stored
    after.notifications.removeFirst()
    history.ledger.becomes(
      machine.id, after,
      by: AppliedRecord(record: record, previous: history.stored, after: after.row))
    try history.reply(asked, .notificationDropped)
    #expect(history.ledger.accepted["0-5"]?.isDropped == true)
    #expect(history.ledger.accepted["0-6"]?.isDropped == false)
  }

  @Test("What was dropped is not delivered any more")
  func delivered() throws {
    var history = try history()
    try history.apply(dropping(5))
    try history.invoke(
      .signal(.notification(args: Tag.bytes(1), notificationID: "0-5")), step: 1)
    history.answer(0, ProcessorAnswer(change: StateChange(events: [Content(data: Tag.bytes(0))])))
    #expect(
      broken {
        try history.apply(
          machine.updated(to: 3, events: TestMachine.events(1, 1), dequeued: 5))
      } == .notificationsDelivered)
  }

  @Test("A failed machine's queue may be dropped from; more than that must not change with it")
  func failed() throws {
    var history = try history()
    history.stored.row.failure = TestMachine.failure
    var record = machine.updated(to: 2) { $0.failure = TestMachine.failure }
    record.dropped = DroppedNotification(sequence: 6, isHead: false)
    try history.apply(record)
    #expect(broken { try history.apply(dropping(5)) } == .failedMachineRests)
  }

  @Test("The database has no record that drops and does something else, or is wrong about the head")
  func records() throws {
    var test = TestStorage()
    try test.commit(machine.created())
    try test.commit(
      machine.record(
        .requeue(due: TestMachine.start),
        enqueued: [TestMachine.notification(5), TestMachine.notification(6)]))
    func due(_ record: CommitRecord) -> CommitRecord {
      var record = record
      if case .update(var row, _) = record.row {
        row.due = TestMachine.start
        record.row = .update(row, auxChanged: false)
      }
      return record
    }
    for wrong in [dropping(6), dropping(5, isHead: false)] {
      var copy = test
      #expect(broken { try copy.commit(due(wrong)) } == .rowRules)
    }
    var copy = test
    #expect(
      broken { try copy.commit(due(dropping(7, isHead: false))) } == .notificationsDelivered)
    try test.commit(due(dropping(6, isHead: false)))
    #expect(test.storage.machines[machine.id]?.notifications.map(\.sequence) == [5])
    #expect(test.storage.machines[machine.id]?.row.notificationCount == 1)
  }
}
