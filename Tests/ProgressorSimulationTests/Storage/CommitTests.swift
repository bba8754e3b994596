import MachineModel
import ProgressorEngine
import Testing

@testable import ProgressorSimulation

@Suite("Simulated storage: commits")
struct CommitTests {
  let machine = TestMachine()

  @Test("A committed record is read back as it was written")
  func readsBack() throws {
    var test = TestStorage()
    try test.commit(machine.created(events: 3, timer: TestMachine.timer(5)))
    try test.commit(
      machine.record(.requeue(due: TestMachine.start), enqueued: [TestMachine.notification(9)]))
    let loaded = test.storage.load(
      LoadRequest(
        id: LoadID(1), shard: ShardID(0), namespace: NamespaceNumber(1), machine: machine.id,
        row: true, history: HistoryRange(after: 3, limit: 1, direction: .backward),
        notificationsAfter: 0), now: TestMachine.start)
    #expect(loaded.row?.notificationCount == 1)
    #expect(loaded.row?.timer?.serial == 5)
    #expect(loaded.history.map(\.id) == [2])
    #expect(loaded.notifications.map(\.sequence) == [9])
  }

  @Test("The fence passes the present epoch of a writer whose node is registered, nothing else")
  func fence() throws {
    var test = TestStorage()
    #expect(test.storage.leases.passesFence(test.node, slot: 0, epoch: 1))
    let raised = test.storage.leases.raise(test.node, slot: 0)
    #expect(raised == 2)
    #expect(!test.storage.leases.passesFence(test.node, slot: 0, epoch: 1))
    #expect(test.storage.leases.passesFence(test.node, slot: 0, epoch: 2))
    #expect(test.storage.leases.passesFence(test.node, slot: 1, epoch: 1))
    test.storage.leases.remove(test.node)
    let late = test.storage.leases.raise(test.node, slot: 0)
    #expect(late == nil)
    #expect(!test.storage.leases.passesFence(test.node, slot: 0, epoch: 2))
    #expect(broken { try test.commit(machine.created()) } == .ownerCommits)
  }

  @Test("An open transaction keeps its node from being taken over until it ends")
  func lock() {
    var leases = ShardLeases(shards: 1)
    let frozen = leases.register(until: 100)
    let first = leases.claim(by: frozen, now: 0, limit: 1)
    #expect(first.count == 1)
    leases.lock(frozen, slot: 0, by: 7)
    let other = leases.register(until: 1_000)
    #expect(leases.blocked(besides: other, now: 200) == [frozen])
    let early = leases.claim(by: other, now: 200, limit: 1)
    #expect(early.isEmpty)
    leases.unlock(frozen, slot: 0, by: 7)
    let late = leases.claim(by: other, now: 200, limit: 1)
    #expect(late.map(\.epoch) == [2])
  }

  @Test("A refused batch leaves nothing behind")
  func refusal() throws {
    var test = TestStorage()
    let refusal = CommitRefusal(.contents, code: "22P05", message: "no")
    guard case .refused(refusal) = try test.commit(machine.created(), refusal: refusal) else {
      Issue.record("the batch went through")
      return
    }
    #expect(test.storage.machines.isEmpty)
  }

  @Test("A batch for a shard of another node is a bug (I4)")
  func foreignShard() {
    var test = TestStorage()
    let other = test.storage.leases.register(until: 1_000)
    #expect(broken { try test.commit(machine.created(), by: other) } == .ownerCommits)
  }

  @Test("A wrong version is a bug (I4)")
  func wrongVersion() throws {
    var test = TestStorage()
    try test.commit(machine.created())
    #expect(broken { try test.commit(machine.updated(to: 3)) } == .ownerCommits)
    #expect(
      broken { try test.commit(machine.record(.delete(expectedVersion: 2))) } == .ownerCommits)
  }

  @Test("A gap, a repetition and an event from the past are bugs (I3)")
  func gaps() throws {
    var test = TestStorage()
    try test.commit(machine.created(events: 2))
    let early = Event(
      id: 3, createdAt: Timestamp(microseconds: 1), body: Content(data: Tag.bytes(0)))
    for events in [TestMachine.events(4, 4), TestMachine.events(2, 2), [early]] {
      var fresh = test
      #expect(
        broken {
          try fresh.commit(machine.updated(to: 2, events: events) { $0.lastEventID = 3 })
        } == .historyWithoutGap)
    }
  }

  @Test("A key is used once, and for one incarnation (I12)")
  func incarnations() throws {
    var test = TestStorage()
    try test.commit(machine.created())
    #expect(broken { try test.commit(machine.created()) } == .incarnations)
    var fresh = test
    try fresh.commit(machine.record(.delete(expectedVersion: 1)))
    #expect(broken { try fresh.commit(machine.created()) } == .incarnations)
    #expect(broken { try fresh.commit(machine.updated(to: 2)) } == .incarnations)
  }

  @Test("Only the head of the queue is delivered, and new ones stand behind the last (I5)")
  func queueOrder() throws {
    var test = TestStorage()
    try test.commit(machine.created())
    try test.commit(
      machine.record(
        .requeue(due: TestMachine.start),
        enqueued: [TestMachine.notification(4), TestMachine.notification(6)]))
    var fresh = test
    #expect(
      broken { try fresh.commit(machine.updated(to: 2, dequeued: 6)) } == .notificationsDelivered)
    #expect(
      broken {
        try test.commit(
          machine.record(.requeue(due: nil), enqueued: [TestMachine.notification(5)]))
      } == .notificationsDelivered)
  }

  @Test("An idempotency key that counts is not written twice (I8)")
  func keys() throws {
    var test = TestStorage()
    try test.commit(machine.record(.keep, key: "k"))
    #expect(broken { try test.commit(machine.record(.keep, key: "k")) } == .oneEffectPerKey)
  }

  @Test("A machine that has something to do and no due time is a bug (I11)")
  func lostDueTime() throws {
    var test = TestStorage()
    try test.commit(machine.created())
    #expect(
      broken {
        try test.commit(machine.updated(to: 2) { $0.timer = TestMachine.timer(1) })
      } == .everythingFinishes)
  }

  @Test("A failed machine with a due time is a bug (I7)")
  func failedAndDue() throws {
    var test = TestStorage()
    try test.commit(machine.created())
    #expect(
      broken {
        try test.commit(
          machine.updated(to: 2) {
            $0.failure = TestMachine.failure
            $0.due = TestMachine.start
          })
      } == .failedMachineRests)
  }

  @Test("A notification accepted while a step ran counts, and its due time is the earlier one")
  func acceptedMeanwhile() throws {
    var test = TestStorage()
    try test.commit(machine.created())
    let later = TestMachine.start.advanced(byMicroseconds: 500)
    try test.commit(
      machine.record(
        .requeue(due: TestMachine.start), enqueued: [TestMachine.notification(3)]),
      machine.updated(to: 2) {
        $0.timer = TestMachine.timer(7, at: later)
        $0.due = later
      })
    #expect(test.storage.machines[machine.id]?.row.notificationCount == 1)
    #expect(test.storage.machines[machine.id]?.row.due == TestMachine.start)
  }
}
