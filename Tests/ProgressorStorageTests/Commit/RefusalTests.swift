import MachineModel
import PostgreSQL
import ProgressorEngine
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Refused batches")
  struct RefusalTests {
    /// A record that cannot be committed, and the SQLSTATE that says so.
    struct Poison: Sendable, CustomTestStringConvertible {
      var testDescription: String
      var sqlState: String
      var record: @Sendable (TestMachine) -> CommitRecord
    }

    static let poisons = [
      Poison(testDescription: "an update of another version", sqlState: "PGF02") {
        var machine = $0
        machine.row.version += 1
        return machine.step()
      },
      Poison(testDescription: "an update of a machine that is gone", sqlState: "PGF02") { _ in
        var machine = TestMachine("gone", key: 77)
        return machine.step()
      },
      Poison(testDescription: "a start of an id that exists", sqlState: "23505") {
        var machine = TestMachine($0.machine.id, key: 78)
        return machine.start()
      },
      Poison(testDescription: "an event id that exists", sqlState: "23505") {
        var machine = $0
        machine.row.lastEventID = 0
        return machine.step(["again"])
      },
      Poison(testDescription: "a removal of another version", sqlState: "PGF02") {
        $0.record(.delete(expectedVersion: 9))
      },
      Poison(testDescription: "a notification to a machine that is gone", sqlState: "PGF02") { _ in
        TestMachine("gone", key: 77).record(enqueued: [TestMachine.notification(1)])
      },
      Poison(testDescription: "a delivery of what is not queued", sqlState: "23514") {
        var machine = $0
        var record = machine.step()
        record.dequeued = 99
        return record
      },
      Poison(testDescription: "a retry of what is not queued", sqlState: "PGF02") {
        var machine = $0
        var record = machine.step()
        record.rescheduled = TestMachine.notification(99, retry: TestMachine.retry)
        return record
      },
      Poison(testDescription: "a key that counts still", sqlState: "PGF02") {
        $0.record(idempotency: CommitTests.key("used"))
      },
      Poison(testDescription: "an id with a NUL", sqlState: "22021") { _ in
        var machine = TestMachine("a\0b", key: 79)
        return machine.start()
      },
      Poison(testDescription: "a time that PostgreSQL has not", sqlState: "22008") {
        var machine = $0
        machine.row.due = Timestamp(microseconds: .min)
        return machine.step()
      },
    ]

    @Test(
      "A step that cannot be committed refuses its batch by SQLSTATE, and nothing is applied",
      arguments: poisons)
    func poison(_ poison: Poison) async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machine = TestMachine("m")
      _ = try await test.commit([machine.start(events: ["a"])])
      _ = try await test.commit([machine.record(idempotency: CommitTests.key("used"))])
      let before = machine
      var others = (10..<20).map { TestMachine("other \($0)", key: Int64($0)) }
      var batch = others.indices.map { others[$0].start(events: ["x"]) }
      batch.insert(poison.record(machine), at: 5)
      #expect(try await test.commit(batch) == .refused(poison.sqlState))
      #expect(try await test.load(before, history: .all).get().row == before.row)
      #expect(try await test.list().get().map(\.machineID.id) == ["m"])
      // The writer goes on, and the others are committed without it.
      batch.remove(at: 5)
      #expect(try await test.commit(batch) == .committed)
    }

    @Test("One key twice in a batch is refused, as the second would overwrite the first")
    func keyTwice() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let machine = TestMachine("m")
      let record = machine.record(idempotency: CommitTests.key("k"))
      #expect(try await test.commit([record, record]) == .refused("PGF02"))
      #expect(try await test.commit([record]) == .committed)
    }

    @Test(
      "Classes 22, 23, 54 and our own version error are a step's fault, others are asked about",
      arguments: [
        ("22003", "refused"), ("23505", "refused"), ("54000", "refused"), ("PGF02", "refused"),
        ("PGF01", "fenced"), ("40001", "again"), ("40P01", "again"),
        ("53100", "unavailable"), ("53200", "unavailable"), ("57014", "unavailable"),
        ("58030", "suspect"), ("58P01", "suspect"), ("08006", "unavailable"),
        ("25006", "unavailable"),
        ("55P03", "suspect"), ("XX000", "suspect"), ("XX001", "suspect"), ("42P01", "unavailable"),
        ("21000", "suspect"), ("P0001", "suspect"), ("38000", "suspect"), ("39001", "suspect"),
        ("HV000", "suspect"), ("44000", "suspect"), ("28000", "unavailable"),
        ("3F000", "unavailable"), ("0A000", "unavailable"),
      ])
    func classes(_ code: String, _ expected: String) throws {
      let error = PostgreSQLError(.statement, "said so", sqlState: SQLState(code))
      let found =
        switch CommitOutcome(error) {
        case .committed: "committed"
        case .refused: "refused"
        case .suspect: "suspect"
        case .fenced: "fenced"
        case .again: "again"
        case .unavailable: "unavailable"
        case .unknown: "unknown"
        case .unsent: "unsent"
        case .givenUp: "given up"
        }
      #expect(found == expected)
    }

    @Test(
      "A lost session leaves the outcome open, one that never came about does not",
      arguments: [
        (PostgreSQLError.Scope.connectionLost, true), (.timeout, true), (.stopped, true),
        (.connectFailed, false), (.configuration, false), (.unexpectedValue, false),
      ])
    func scopes(_ scope: PostgreSQLError.Scope, _ isUnknown: Bool) {
      if case .unknown = CommitOutcome(PostgreSQLError(scope, "gone")) {
        #expect(isUnknown)
      } else {
        #expect(!isUnknown)
      }
    }

    @Test("While the disk is full the batch is kept, said to be delayed once, and written later")
    func diskFull() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      try connection.runScript(
        """
        CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = '53100'; END $$;
        CREATE TRIGGER full_disk BEFORE INSERT ON event EXECUTE FUNCTION full_disk();
        """, timeout: .seconds(10))
      var machine = TestMachine("m")
      let id = test.submit([machine.start(events: ["a"])])
      try await test.inbox.next("delay") { if case .commitDelayed(id) = $0 { () } else { nil } }
      #expect(!test.storage.status.isAvailable)
      try connection.runScript("DROP TRIGGER full_disk ON event", timeout: .seconds(10))
      #expect(try await test.outcome(of: id) == .committed)
      #expect(
        !test.inbox.rest.contains { if case .commitDelayed = $0 { true } else { false } })
      #expect(bodies(try await test.load(machine, history: .all).get().history) == ["a"])
    }

    @Test("A deadlock repeats the batch without a word")
    func deadlock() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      try test.connect().runScript(
        """
        CREATE SEQUENCE attempt;
        CREATE FUNCTION deadlock() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF nextval('attempt') <= 2 THEN
            RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01';
          END IF;
          RETURN NULL;
        END $$;
        CREATE TRIGGER deadlock BEFORE INSERT ON event EXECUTE FUNCTION deadlock();
        """, timeout: .seconds(10))
      var machine = TestMachine("m")
      #expect(try await test.commit([machine.start(events: ["a"])]) == .committed)
      #expect(
        !test.inbox.rest.contains { if case .commitDelayed = $0 { true } else { false } })
    }
  }
}
