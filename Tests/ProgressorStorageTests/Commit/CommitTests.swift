import MachineModel
import ProgressorEngine
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Commit")
  struct CommitTests {
    @Test("What is started is loaded again as it was, with every field of its row")
    func roundTrip() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machine = TestMachine("o/ü\u{10FFFF}")
      machine.row.auxState = Content(formatVersion: 3, data: [0, 1, 255])
      machine.row.timer = TestMachine.timer
      machine.row.due = TestMachine.timer.due
      #expect(try await test.commit([machine.start(events: ["a", ""])]) == .committed)

      let loaded = try await test.load(machine, history: .all).get()
      #expect(loaded.row == machine.row)
      #expect(bodies(loaded.history) == ["a", ""])
      #expect(loaded.history.map(\.id) == [1, 2])
      #expect(loaded.history[0].createdAt == TestMachine.after(seconds: 1))
      #expect(loaded.history[0].body.formatVersion == 7)
      #expect(loaded.notifications.isEmpty)
    }

    @Test("A failure is stored with a NUL replaced, and read back")
    func failure() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machine = TestMachine("m")
      machine.row.failure = Failure(
        reason: "a\0b", failedAt: TestMachine.start, stepKind: .timeout, code: 13, attempts: 9)
      #expect(try await test.commit([machine.start()]) == .committed)
      let failure = try await test.load(machine).get().row?.failure
      #expect(failure?.reason == "a\u{FFFD}b")
      #expect(failure?.stepKind == .timeout && failure?.code == 13 && failure?.attempts == 9)
      #expect(failure?.failedAt == TestMachine.start)
    }

    @Test("An update without auxChanged keeps the aux state, with it replaces or clears it")
    func auxState() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machine = TestMachine("m")
      let large = Content(formatVersion: 1, data: [UInt8](repeating: 9, count: 100_000))
      machine.row.auxState = large
      _ = try await test.commit([machine.start()])
      machine.row.auxState = nil
      #expect(try await test.commit([machine.step(["a"])]) == .committed)
      #expect(try await test.load(machine).get().row?.auxState == large)
      machine.row.auxState = Content(formatVersion: 2, data: [])
      #expect(try await test.commit([machine.step(auxChanged: true)]) == .committed)
      #expect(try await test.load(machine).get().row == machine.row)
      machine.row.auxState = nil
      #expect(try await test.commit([machine.step(auxChanged: true)]) == .committed)
      #expect(try await test.load(machine).get().row == machine.row)
    }

    @Test("A batch of 500 steps of every kind is written as one")
    func largeBatch() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machines = (0..<500).map {
        TestMachine("m\($0)", shard: Int32($0 % 4) * 2, key: Int64($0))
      }
      #expect(
        try await test.commit(machines.indices.map { machines[$0].start(events: ["1", "2"]) })
          == .committed)
      var records: [CommitRecord] = []
      for index in machines.indices {
        switch index % 4 {
        case 0: records.append(machines[index].step(["3"]))
        case 1:
          records.append(
            machines[index].record(
              .requeue(due: TestMachine.start), enqueued: [TestMachine.notification(1)]))
        case 2: records.append(machines[index].record(.delete(expectedVersion: 1)))
        default: records.append(machines[index].record(idempotency: Self.key("k\(index)")))
        }
      }
      #expect(try await test.commit(records) == .committed)
      #expect(try await test.load(machines[0]).get().row == machines[0].row)
      #expect(try await test.load(machines[1]).get().row?.notificationCount == 1)
      #expect(try await test.load(machines[2], history: .all).get() == Loaded())
      #expect(
        try await test.load(machines[3], row: false, key: "k3").get().idempotency
          == Self.key("k3"))
      let connection = try test.connect()
      #expect(try connection.scalar("SELECT count(*) FROM machine", as: Int64.self) == 375)
      try connection.waitUntil("(SELECT count(*) = 875 FROM event)")
    }

    @Test("Removing a machine takes its history and its queue, and its id can be started again")
    func removal() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machine = TestMachine("m")
      _ = try await test.commit([machine.start(events: ["a"])])
      _ = try await test.commit([
        machine.record(.requeue(due: nil), enqueued: [TestMachine.notification(1)])
      ])
      #expect(
        try await test.commit([
          machine.record(.delete(expectedVersion: 1), idempotency: Self.key("k"))
        ])
          == .committed)
      #expect(try await test.load(machine, history: .all).get() == Loaded())
      #expect(
        try await test.load(machine, row: false, key: "k").get().idempotency == Self.key("k"))
      var again = TestMachine("m", key: 2)
      #expect(try await test.commit([again.start(events: ["b"])]) == .committed)
      #expect(bodies(try await test.load(again, history: .all).get().history) == ["b"])
      try test.connect().waitUntil(
        """
        (SELECT count(*) = 1 FROM event) AND NOT EXISTS (SELECT FROM notification)
          AND NOT EXISTS (SELECT FROM tombstone)
        """)
    }

    static func key(_ key: String, expiresIn seconds: Int64 = 3_600) -> IdempotencyRow {
      let now = LocalClock.wall()
      return IdempotencyRow(
        key: key, fingerprint: [1, 2, 3], reply: .called(response: Array(key.utf8)),
        expiresAt: Timestamp(
          microseconds: now - now % 3_600_000_000 + 3_600_000_000 + seconds * 1_000_000))
    }
  }
}
