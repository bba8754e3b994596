import EmbeddedPostgreSQL
import MachineModel
import PostgreSQL
import ProgressorEngine
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Fence")
  struct FenceTests {
    /// The fence, an event, and nothing that would commit them: a client that is frozen in
    /// mid-batch.
    private func freeze(
      _ connection: Connection, node: String, epoch: Int64 = 1
    ) throws {
      var pipeline = Pipeline()
      pipeline.append(sql: "BEGIN")
      pipeline.append(sql: "SELECT fence('\(node)', 0, \(epoch))")
      pipeline.append(sql: "INSERT INTO event VALUES (0, 1, 1, now(), 0, 'late')")
      _ = try connection.run(pipeline, timeout: .seconds(10))
    }

    private func prepared() async throws -> (TestStorage, Connection, node: String) {
      let test = try await TestStorage.owner()
      let connection = try test.connect()
      let node: SQLUUID = try connection.scalar("SELECT id FROM node")
      return (test, connection, node.description)
    }

    @Test("A raised epoch stops a later batch of the old connection: nothing behind the fence runs")
    func laterBatch() async throws {
      let (test, connection, node) = try await prepared()
      defer { test.storage.stop() }
      _ = try connection.query(
        "UPDATE writer SET epoch = epoch + 1 WHERE slot = 0", timeout: .seconds(10))
      let old = try test.connect()
      var pipeline = Pipeline()
      pipeline.append(sql: "SELECT fence('\(node)', 0, 1)")
      pipeline.append(sql: "INSERT INTO event VALUES (0, 1, 1, now(), 0, 'late')")
      let error = #expect(throws: PostgreSQLError.self) {
        try old.run(pipeline, timeout: .seconds(10))
      }
      #expect(error?.raised == .fenced)
      #expect(error?.statementIndex == 0)
      #expect(try connection.scalar("SELECT count(*) FROM event", as: Int64.self) == 0)
    }

    @Test("Raising the epoch waits for an open batch; then the batch counts, and later ones do not")
    func openBatch() async throws {
      let (test, connection, node) = try await prepared()
      defer { test.storage.stop() }
      let old = try test.connect()
      try freeze(old, node: node)
      var raise = Pipeline()
      raise.append(sql: "SET LOCAL lock_timeout = 50")
      raise.append(sql: "UPDATE writer SET epoch = epoch + 1 WHERE slot = 0")
      let error = #expect(throws: PostgreSQLError.self) {
        try connection.run(raise, timeout: .seconds(10))
      }
      #expect(error?.sqlState == .lockNotAvailable)
      _ = try old.query("COMMIT", timeout: .seconds(10))
      _ = try connection.run(raise, timeout: .seconds(10))
      #expect(try connection.scalar("SELECT count(*) FROM event", as: Int64.self) == 1)
      #expect(throws: PostgreSQLError.self) { try freeze(old, node: node) }
    }

    @Test("What a lost session still sends is fenced once the writer has a new one")
    func lostSession() async throws {
      let (test, connection, node) = try await prepared()
      defer { test.storage.stop() }
      var machine = TestMachine("m")
      #expect(try await test.commit([machine.start()]) == .committed)
      let epoch: Int64 = try connection.scalar("SELECT epoch FROM writer WHERE slot = 0")
      _ = try connection.query(
        """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name LIKE 'progressor/%/writer/0/' AND datname = current_database()
        """, timeout: .seconds(10))
      #expect(try await test.commit([machine.step(["a"])]) == .committed)
      let error = #expect(throws: PostgreSQLError.self) {
        try freeze(try test.connect(), node: node, epoch: epoch)
      }
      #expect(error?.raised == .fenced)
      #expect(try connection.scalar("SELECT count(*) FROM event", as: Int64.self) == 1)
    }

    @Test("A writer whose row was taken away hears that it is fenced, writes nothing, loses all")
    func takenAway() async throws {
      let (test, connection, _) = try await prepared()
      defer { test.storage.stop() }
      var machine = TestMachine("m")
      _ = try await test.commit([machine.start()])
      try connection.runScript(
        "BEGIN; DELETE FROM writer; UPDATE shard SET owner = NULL; DELETE FROM node; COMMIT",
        timeout: .seconds(10))
      #expect(try await test.commit([machine.step(["late"])]) == .fenced)
      #expect(try await test.lost().count == 8)
      // What the engine still sends before it has dropped everything is fenced too.
      #expect(try await test.commit([machine.record(idempotency: CommitTests.key("k"))]) == .fenced)
      #expect(try connection.scalar("SELECT count(*) FROM event", as: Int64.self) == 0)
      #expect(try connection.scalar("SELECT count(*) FROM idempotency", as: Int64.self) == 0)
      #expect(try connection.scalar("SELECT count(*) FROM node", as: Int64.self) == 0)
      // Afterwards the node begins anew, under greater epochs.
      test.storage.acknowledgeLoss()
      let grants = try await test.grants()
      #expect(grants.count == 8 && grants.allSatisfy { $0.epoch == 2 })
      var again = machine
      again.row.version = 1
      again.row.lastEventID = 0
      #expect(try await test.commit([again.step(["in time"])]) == .committed)
    }

    @Test("The session of a frozen client that holds the writer's row is ended by the new session")
    func frozenSession() async throws {
      let (test, connection, node) = try await prepared()
      defer { test.storage.stop() }
      var machine = TestMachine("m")
      let frozen = try test.connect(name: "progressor/\(node)/writer/0/")
      try freeze(frozen, node: node)
      #expect(try await test.commit([machine.start(events: ["a"])]) == .committed)
      #expect(bodies(try await test.load(machine, history: .all).get().history) == ["a"])
      #expect(
        try connection.scalar(
          "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"
            + " AND datname = current_database()", as: Int64.self) == 0)
    }
  }
}
