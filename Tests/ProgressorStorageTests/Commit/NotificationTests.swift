import MachineModel
import ProgressorEngine
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Commit of notifications")
  struct NotificationTests {
    private func started(
      _ adjust: (inout TestMachine) -> Void = { _ in }
    ) async throws -> (TestStorage, TestMachine) {
      let test = try await TestStorage.owner()
      var machine = TestMachine("m")
      adjust(&machine)
      #expect(try await test.commit([machine.start()]) == .committed)
      return (test, machine)
    }

    @Test("Accepted notifications come back in order, whole, and change neither version nor timer")
    func acceptance() async throws {
      let (test, machine) = try await started { $0.row.timer = TestMachine.timer }
      defer { test.storage.stop() }
      let queue = (1...3).map { TestMachine.notification($0, args: "n\($0)") }
      let due = TestMachine.after(seconds: 5)
      #expect(
        try await test.commit([machine.record(.requeue(due: due), enqueued: queue)]) == .committed)
      let loaded = try await test.load(machine).get()
      #expect(loaded.notifications == queue)
      var expected = machine.row
      expected.notificationCount = 3
      expected.due = due
      #expect(loaded.row == expected)
    }

    @Test("Several requeues of one machine in a batch add up, and the earliest due time counts")
    func addition() async throws {
      let (test, machine) = try await started { $0.row.due = TestMachine.after(seconds: 50) }
      defer { test.storage.stop() }
      let records = [(1, 90), (2, 20), (3, 70)].map { sequence, due in
        machine.record(
          .requeue(due: TestMachine.after(seconds: Int64(due))),
          enqueued: [TestMachine.notification(Int64(sequence))])
      }
      #expect(try await test.commit(records) == .committed)
      let row = try await test.load(machine).get().row
      #expect(row?.notificationCount == 3)
      #expect(row?.due == TestMachine.after(seconds: 20))
    }

    @Test("A requeue without due time leaves the machine's as it is, set or not")
    func noDue() async throws {
      let (test, machine) = try await started()
      defer { test.storage.stop() }
      let record = machine.record(.requeue(due: nil), enqueued: [TestMachine.notification(1)])
      #expect(try await test.commit([record]) == .committed)
      #expect(try await test.load(machine).get().row?.due == nil)
    }

    @Test(
      "An update and a requeue of one machine in one batch lose neither notification nor due time")
    func updateAndRequeue() async throws {
      let (started, firstMachine) = try await started()
      let test = started
      defer { test.storage.stop() }
      var machine = firstMachine
      let first = machine.record(.requeue(due: nil), enqueued: [TestMachine.notification(1)])
      _ = try await test.commit([first])
      machine.row.due = TestMachine.after(seconds: 500)
      var step = machine.step()
      step.dequeued = 1
      let requeue = machine.record(
        .requeue(due: TestMachine.after(seconds: 3)), enqueued: [TestMachine.notification(2)])
      #expect(try await test.commit([requeue, step]) == .committed)
      let loaded = try await test.load(machine).get()
      #expect(loaded.row?.notificationCount == 1)
      #expect(loaded.row?.due == TestMachine.after(seconds: 3))
      #expect(loaded.row?.version == 2)
      #expect(loaded.notifications.map(\.sequence) == [2])
    }

    @Test("A machine that fails in the same batch keeps its notification, and gets no due time")
    func failedMeanwhile() async throws {
      let (started, firstMachine) = try await started()
      let test = started
      defer { test.storage.stop() }
      var machine = firstMachine
      machine.row.failure = Failure(
        reason: "r", failedAt: TestMachine.start, stepKind: .call, code: 2, attempts: 1)
      let requeue = machine.record(
        .requeue(due: TestMachine.start), enqueued: [TestMachine.notification(1)])
      #expect(try await test.commit([requeue, machine.step()]) == .committed)
      let row = try await test.load(machine).get().row
      #expect(row?.due == nil && row?.notificationCount == 1)
    }

    @Test("A step that was begun before a notification came does not lose it")
    func relativeCount() async throws {
      let (started, firstMachine) = try await started()
      let test = started
      defer { test.storage.stop() }
      var machine = firstMachine
      let step = machine.step(["a"])
      let requeue = machine.record(
        .requeue(due: nil), enqueued: [TestMachine.notification(1), TestMachine.notification(2)])
      _ = try await test.commit([requeue])
      #expect(try await test.commit([step]) == .committed)
      #expect(try await test.load(machine).get().row?.notificationCount == 2)
    }

    @Test("The retry state of the head is kept, shown as retrying, and gone with its delivery")
    func reschedule() async throws {
      let (started, firstMachine) = try await started()
      let test = started
      defer { test.storage.stop() }
      var machine = firstMachine
      let queue = [TestMachine.notification(1), TestMachine.notification(2)]
      _ = try await test.commit([machine.record(.requeue(due: nil), enqueued: queue)])
      var retry = machine.step()
      let head = TestMachine.notification(1, retry: TestMachine.retry)
      retry.rescheduled = head
      #expect(try await test.commit([retry]) == .committed)
      #expect(try await test.load(machine).get().notifications == [head, queue[1]])
      let retrying = try await test.list(.retrying).get()
      #expect(
        retrying.map(\.status) == [
          .working(
            Retrying(
              stepKind: .notification, attempt: 3, nextAttemptAt: TestMachine.after(seconds: 100),
              lastCode: 14, lastMessage: "connect refused"))
        ])
      var delivery = machine.step(["done"])
      delivery.dequeued = 1
      #expect(try await test.commit([delivery]) == .committed)
      #expect(try await test.load(machine).get().notifications == [queue[1]])
      #expect(try await test.list(.retrying).get().isEmpty)
    }

    @Test("A page has at most 32 notifications and begins none beyond one MiB, but has one")
    func pages() async throws {
      let (test, machine) = try await started()
      defer { test.storage.stop() }
      let small = (1...40).map { TestMachine.notification($0) }
      let large = (41...44).map {
        TestMachine.notification($0, args: String(repeating: "x", count: 600_000))
      }
      _ = try await test.commit([machine.record(.requeue(due: nil), enqueued: small + large)])
      func page(after: Int64) async throws -> [Int64] {
        try await test.load(machine, row: false, notificationsAfter: after).get()
          .notifications.map(\.sequence)
      }
      #expect(try await page(after: 0) == Array(1...32))
      #expect(try await page(after: 32) == Array(33...42))
      #expect(try await page(after: 42) == [43, 44])
      #expect(try await page(after: 44) == [])
      let huge = TestMachine.notification(45, args: String(repeating: "y", count: 3 << 20))
      _ = try await test.commit([
        machine.record(.requeue(due: nil), enqueued: [huge, TestMachine.notification(46)])
      ])
      #expect(try await page(after: 44) == [45])
    }
  }
}
