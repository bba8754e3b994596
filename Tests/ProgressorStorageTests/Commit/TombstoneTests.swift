import EmbeddedPostgreSQL
import MachineModel
import PostgreSQL
import ProgressorEngine
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Removed machines")
  struct TombstoneTests {
    /// Nothing of the history and the queue of the machines is left, and no mark of the machines.
    private static let isSwept =
      "NOT EXISTS (SELECT FROM tombstone) AND NOT EXISTS (SELECT FROM event)"
      + " AND NOT EXISTS (SELECT FROM notification)"

    /// Events and notifications that a machine has besides those of its steps.
    private static func rows(_ events: Int, _ notifications: Int, of key: Int64) -> String {
      """
      INSERT INTO event
      SELECT 0, \(key), id, now(), 0, 'x' FROM generate_series(1000, 999 + \(events)) AS id;
      INSERT INTO notification (
        shard, machine_key, sequence, notification_id, args, context, accepted_at)
      SELECT 0, \(key), n, 'n', 'x', '', now() FROM generate_series(1, \(notifications)) AS n;
      """
    }

    /// Deleting events raises `sqlState`, if they are of the machine with the key or it is nil.
    private static func undeletable(_ sqlState: String, key: Int64?) -> String {
      """
      CREATE FUNCTION undeletable() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '\(sqlState)'; END $$;
      CREATE TRIGGER undeletable BEFORE DELETE ON event FOR EACH ROW
      WHEN (\(key.map { "OLD.machine_key = \($0)" } ?? "true")) EXECUTE FUNCTION undeletable();
      """
    }

    @Test("The commit deletes no more than the machine's row; what hangs on it goes afterwards")
    func commitIsShort() async throws {
      let test = try await TestStorage.owner { $0.sweepInterval = .milliseconds(50) }
      defer { test.storage.stop() }
      let connection = try test.connect()
      var machine = TestMachine("m")
      _ = try await test.commit([machine.start(events: ["a", "b"])])
      try connection.runScript(Self.undeletable("53100", key: nil), timeout: .seconds(10))
      #expect(try await test.commit([machine.record(.delete(expectedVersion: 1))]) == .committed)
      #expect(try await test.load(machine, history: .all).get() == Loaded())
      #expect(try await test.list().get().isEmpty)
      #expect(try connection.scalar("SELECT count(*) FROM event", as: Int64.self) == 2)
      // Its id is free at once, though its rows are there still.
      var again = TestMachine("m", key: 2)
      #expect(try await test.commit([again.start(events: ["c"])]) == .committed)
      #expect(bodies(try await test.load(again, history: .all).get().history) == ["c"])
      try connection.runScript("DROP TRIGGER undeletable ON event", timeout: .seconds(10))
      try connection.waitUntil("(SELECT array_agg(machine_key) = '{2}' FROM event)")
    }

    @Test("A long history and a long queue are deleted in pieces, and batches go in between")
    func pieces() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      var machine = TestMachine("m")
      _ = try await test.commit([machine.start(events: ["a"])])
      try connection.runScript(
        Self.rows(3_500, 1_200, of: 1)
          + """
          CREATE TABLE piece (rows bigint);
          CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
          BEGIN INSERT INTO piece SELECT count(*) FROM gone; RETURN NULL; END $$;
          CREATE TRIGGER note AFTER DELETE ON event REFERENCING OLD TABLE AS gone
          EXECUTE FUNCTION note();
          CREATE TRIGGER note AFTER DELETE ON notification REFERENCING OLD TABLE AS gone
          EXECUTE FUNCTION note();
          """, timeout: .seconds(30))
      #expect(try await test.commit([machine.record(.delete(expectedVersion: 1))]) == .committed)
      var other = TestMachine("other", key: 2)
      #expect(try await test.commit([other.start()]) == .committed)
      try connection.waitUntil(Self.isSwept)
      let most = Int64(Sweep.maximumRows)
      #expect(try connection.scalar("SELECT max(rows) FROM piece", as: Int64.self) == most)
      #expect(
        try connection.scalar("SELECT sum(rows)::int8 FROM piece", as: Int64.self) == 3_501 + 1_200)
    }

    @Test("A new owner goes on where the one before had got to")
    func takeover() async throws {
      let database = try await TemporaryServer.shared().createDatabase()
      let first = try TestStorage(database: database)
      try await first.grants()
      first.storage.stop()
      let connection = try first.connect()
      try connection.runScript(
        "INSERT INTO tombstone (shard, machine_key, event_id) VALUES (0, 7, 1000), (5, 8, 0);"
          + Self.rows(1_500, 10, of: 7)
          + "DELETE FROM event WHERE id <= 1000; UPDATE event SET shard = 5 WHERE id < 1010;"
          + "UPDATE event SET machine_key = 8 WHERE shard = 5", timeout: .seconds(30))
      let second = try TestStorage(database: database) { $0.sweepInterval = .milliseconds(50) }
      defer { second.storage.stop() }
      try await second.grants()
      try connection.waitUntil(Self.isSwept)
    }

    @Test("Rows that cannot be deleted keep no others, and no batch waits for them")
    func damaged() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      var (bad, good) = (TestMachine("bad", key: 1), TestMachine("good", key: 2))
      _ = try await test.commit([bad.start(events: ["a"]), good.start(events: ["b"])])
      try connection.runScript(Self.undeletable("XX001", key: 1), timeout: .seconds(10))
      let records = [bad, good].map { $0.record(.delete(expectedVersion: 1)) }
      #expect(try await test.commit(records) == .committed)
      try connection.waitUntil("(SELECT array_agg(machine_key) = '{1}' FROM event)")
      try connection.waitUntil(
        "(SELECT array_agg(machine_key) = '{1}' AND min(next_at) > now() FROM tombstone)")
      try connection.runScript(
        "DROP TRIGGER undeletable ON event; UPDATE tombstone SET next_at = now()",
        timeout: .seconds(10))
      // The next removal calls the sweep.
      #expect(try await test.commit([good.start()]) == .committed)
      #expect(try await test.commit([good.record(.delete(expectedVersion: 1))]) == .committed)
      try connection.waitUntil(Self.isSwept)
    }

    /// Two machines, of which one is removed while somebody holds what `lock` locks.
    private func removeBoth(
      _ test: TestStorage, holding lock: String
    ) async throws -> (connection: Connection, holder: Connection) {
      let (connection, holder) = (try test.connect(), try test.connect())
      var (first, second) = (TestMachine("a", key: 1), TestMachine("b", key: 2))
      _ = try await test.commit([first.start(events: ["a"]), second.start(events: ["b"])])
      try holder.runScript("BEGIN", timeout: .seconds(10))
      try holder.runScript(lock, timeout: .seconds(10))
      let records = [first, second].map { $0.record(.delete(expectedVersion: 1)) }
      #expect(try await test.commit(records) == .committed)
      return (connection, holder)
    }

    @Test("A machine whose rows somebody has locked keeps no other")
    func locked() async throws {
      let test = try await TestStorage.owner { $0.sweepInterval = .milliseconds(50) }
      defer { test.storage.stop() }
      let (connection, holder) = try await removeBoth(
        test, holding: "SELECT FROM event WHERE machine_key = 1 FOR UPDATE")
      try connection.waitUntil("(SELECT array_agg(machine_key) = '{1}' FROM event)")
      try connection.waitUntil("(SELECT min(next_at) > now() FROM tombstone)")
      try holder.runScript("COMMIT", timeout: .seconds(10))
      try connection.runScript("UPDATE tombstone SET next_at = now()", timeout: .seconds(10))
      try connection.waitUntil(Self.isSwept)
    }

    @Test("Nor does one whose mark somebody has locked")
    func lockedMark() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      try connection.runScript(
        "INSERT INTO tombstone (shard, machine_key) VALUES (0, 7);" + Self.rows(10, 10, of: 7),
        timeout: .seconds(10))
      let holder = try test.connect()
      try holder.runScript("BEGIN", timeout: .seconds(10))
      try holder.runScript("SELECT FROM tombstone FOR UPDATE", timeout: .seconds(10))
      var machine = TestMachine("m", key: 8)
      _ = try await test.commit([machine.start(events: ["a"])])
      #expect(try await test.commit([machine.record(.delete(expectedVersion: 1))]) == .committed)
      try connection.waitUntil("NOT EXISTS (SELECT FROM event WHERE machine_key = 8)")
      #expect(try connection.scalar("SELECT count(*) FROM tombstone", as: Int64.self) == 1)
      try holder.runScript("COMMIT", timeout: .seconds(10))
      _ = try await test.commit([machine.start(events: ["a"])])
      #expect(try await test.commit([machine.record(.delete(expectedVersion: 1))]) == .committed)
      try connection.waitUntil(Self.isSwept)
    }

    @Test(
      "A sweep that fails for long is said once, and so is that it goes on; others are not held up")
    func failing() async throws {
      let test = try await TestStorage.owner { $0.sweepInterval = .milliseconds(50) }
      defer { test.storage.stop() }
      let connection = try test.connect()
      var (gone, other) = (TestMachine("gone", key: 1), TestMachine("other", key: 2))
      _ = try await test.commit([gone.start(events: ["a"]), other.start()])
      try connection.runScript(
        """
        CREATE SEQUENCE attempt;
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          PERFORM nextval('attempt');
          RAISE EXCEPTION 'permission denied' USING ERRCODE = '42501';
        END $$;
        CREATE TRIGGER refuse BEFORE DELETE ON tombstone EXECUTE FUNCTION refuse();
        """, timeout: .seconds(10))
      #expect(try await test.commit([gone.record(.delete(expectedVersion: 1))]) == .committed)
      try connection.waitUntil("(SELECT last_value >= 3 FROM attempt)")
      #expect(try await test.commit([other.step()]) == .committed)
      #expect(test.log.count("rows of removed machines cannot be deleted") == 1)
      #expect(test.log.count("a session with the database is missing") == 0)
      try connection.runScript("DROP TRIGGER refuse ON tombstone", timeout: .seconds(10))
      try connection.waitUntil(Self.isSwept)
      try await eventually("said") {
        test.log.count("rows of removed machines are deleted again") == 1
      }
    }

    @Test("A machine whose rows take long is deleted in smaller pieces, and keeps no other")
    func slow() async throws {
      let test = try await TestStorage.owner { $0.sweepInterval = .milliseconds(50) }
      defer { test.storage.stop() }
      let connection = try test.connect()
      try connection.runScript(
        Self.rows(300, 0, of: 1) + Self.rows(300, 0, of: 2)
          + """
          CREATE FUNCTION drag() RETURNS trigger LANGUAGE plpgsql AS $$
          BEGIN PERFORM pg_sleep(0.01); RETURN OLD; END $$;
          CREATE TRIGGER drag BEFORE DELETE ON event FOR EACH ROW
          WHEN (OLD.machine_key = 1) EXECUTE FUNCTION drag();
          INSERT INTO tombstone (shard, machine_key) VALUES (0, 1), (0, 2);
          """, timeout: .seconds(30))
      try connection.waitUntil("(SELECT array_agg(DISTINCT machine_key) = '{1}' FROM event)")
      try await eventually("swept") {
        try connection.runScript("UPDATE tombstone SET next_at = now()", timeout: .seconds(10))
        return try connection.scalar("SELECT \(Self.isSwept)", as: Bool.self)
      }
    }
  }
}
