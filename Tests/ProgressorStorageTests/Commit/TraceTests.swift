import EmbeddedPostgreSQL
import MachineModel
import PostgreSQL
import ProgressorEngine
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Records of steps")
  struct TraceTests {
    /// A machine in the shard that its name belongs to: it is found by that.
    private static func machine(key: Int64 = 1) -> TestMachine {
      let id = MachineID(namespace: "orders", id: "m")
      return TestMachine("m", shard: ShardID(of: id, shards: 8).number, key: key)
    }

    private static func slot(_ machine: TestMachine) -> Int { Int(machine.shard.number) % 2 }

    @Test("A record is read back as it was written, with the machine's step or by itself")
    func records() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machine = Self.machine()
      #expect(try await test.trace(machine).get() == .some(nil))
      let full = StepRecord(
        sequence: 7, step: "c-1-7", kind: .start, beganAt: .earliest, endedAt: .latest,
        outcome: .committed, attempt: 3, code: 0, message: "ü", firstEventID: 1, lastEventID: 2,
        principal: "e\u{301}", traceID: "4bf92f3577b34da6a3ce929d0e0e4736")
      var started = machine.start(events: ["a", "b"])
      started.traced = TracedStep(record: full, expiresAt: .latest)
      #expect(try await test.commit([started], slot: Self.slot(machine)) == .committed)
      #expect(try await test.trace(machine).get() == [full])
      for outcome in StepOutcome.allCases {
        let bare = StepRecord(
          sequence: 100 + Int64(outcome.rawValue), kind: nil, beganAt: TestMachine.start,
          endedAt: TestMachine.start, outcome: outcome)
        let record = machine.record(traced: TracedStep(record: bare, expiresAt: .latest))
        #expect(try await test.commit([record], slot: Self.slot(machine)) == .committed)
        #expect(try await test.trace(machine, limit: 1).get()?.first == bare)
      }
      // By their bytes: two spellings of one text are two.
      let principal = try await test.trace(machine).get()?.last?.principal
      #expect(principal.map { Array($0.utf8) } == Array("e\u{301}".utf8))
    }

    @Test("What a later version recorded is shown without what this one does not know")
    func later() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machine = Self.machine()
      var started = machine.start()
      started.traced = TestMachine.traced(1)
      let known = machine.record(traced: TestMachine.traced(2))
      #expect(try await test.commit([started, known], slot: Self.slot(machine)) == .committed)
      try test.connect().runScript(
        "UPDATE trace SET kind = 99, outcome = 77 WHERE sequence = 1", timeout: .seconds(10))
      let shown = try #require(try await test.trace(machine).get())
      #expect(shown.map(\.kind) == [.call, nil])
      #expect(shown.map(\.outcome) == [.refused, .unknown])
      #expect(shown.map(\.code) == [9, 9])
    }

    @Test("Pages go down from the newest, and one record more tells that there is more")
    func pages() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machine = Self.machine()
      var records = [machine.start()]
      records += (1...9).map { machine.record(traced: TestMachine.traced($0 * 10)) }
      #expect(try await test.commit(records, slot: Self.slot(machine)) == .committed)
      func sequences(before: Int64, limit: Int32) async throws -> [Int64]? {
        try await test.trace(machine, before: before, limit: limit).get()?.map(\.sequence)
      }
      #expect(try await sequences(before: 0, limit: 3) == [90, 80, 70, 60])
      #expect(try await sequences(before: 70, limit: 3) == [60, 50, 40, 30])
      #expect(try await sequences(before: 35, limit: 3) == [30, 20, 10])
      #expect(try await sequences(before: 10, limit: 3) == [])
    }

    @Test("A record that is there already is nobody's trouble, and stays")
    func repeated() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machine = Self.machine()
      var started = machine.start()
      started.traced = TestMachine.traced(1)
      #expect(try await test.commit([started], slot: Self.slot(machine)) == .committed)
      var again = machine.step(["a"])
      again.traced = TestMachine.traced(1)
      again.traced?.record.message = "another"
      #expect(try await test.commit([again], slot: Self.slot(machine)) == .committed)
      let messages = try await test.trace(machine).get()?.map(\.message)
      #expect(messages == ["n\u{E3}o\u{FFFD}"])
    }

    @Test("The records of a removed machine go with it; another of its name has none of them")
    func removed() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      var machine = Self.machine()
      let slot = Self.slot(machine)
      var started = machine.start(events: ["a"])
      started.traced = TestMachine.traced(1)
      #expect(try await test.commit([started], slot: slot) == .committed)
      try connection.runScript(
        """
        INSERT INTO trace (
          shard, machine_key, sequence, step, began_at, ended_at, outcome, attempt, code, message,
          first_event_id, last_event_id, expires_at)
        SELECT \(machine.shard.number), 1, n, '', now(), now(), 1, 1, 0, 'x', 0, 0, 'infinity'
        FROM generate_series(2, 2500) AS n
        """, timeout: .seconds(30))
      var removal = machine.record(.delete(expectedVersion: 1))
      removal.traced = TestMachine.traced(9_000)
      var again = Self.machine(key: 2)
      var restarted = again.start()
      restarted.traced = TestMachine.traced(9_001)
      #expect(try await test.commit([removal], slot: slot) == .committed)
      #expect(try await test.trace(machine).get() == .some(nil))
      #expect(try await test.commit([restarted], slot: slot) == .committed)
      #expect(try await test.trace(again).get()?.map(\.sequence) == [9_001])
      try connection.waitUntil("(SELECT array_agg(sequence) = '{9001}' FROM trace)")
      try connection.waitUntil("NOT EXISTS (SELECT FROM tombstone)")
    }

    @Test("Old records are deleted in pieces, of all shards, and no others")
    func expiry() async throws {
      let test = try await TestStorage.owner { $0.sweepInterval = .milliseconds(200) }
      defer { test.storage.stop() }
      let connection = try test.connect()
      try connection.runScript(
        """
        CREATE TABLE piece (rows bigint);
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO piece SELECT count(*) FROM gone; RETURN NULL; END $$;
        CREATE TRIGGER note AFTER DELETE ON trace REFERENCING OLD TABLE AS gone
        EXECUTE FUNCTION note();
        INSERT INTO trace (
          shard, machine_key, sequence, step, began_at, ended_at, outcome, attempt, code, message,
          first_event_id, last_event_id, expires_at)
        SELECT n % 8, 1, n, '', now(), now(), 1, 1, 0, 'x', 0, 0,
          CASE WHEN n > 3000 THEN now() + interval '1 hour' ELSE now() END
        FROM generate_series(1, 3010) AS n
        """, timeout: .seconds(30))
      var machine = Self.machine()
      #expect(try await test.commit([machine.start()], slot: Self.slot(machine)) == .committed)
      try connection.waitUntil("(SELECT count(*) = 10 AND min(sequence) = 3001 FROM trace)")
      let most = try connection.scalar("SELECT max(rows) FROM piece", as: Int64.self)
      #expect(most <= Int64(Sweep.maximumRows))
    }
  }
}
