import EmbeddedPostgreSQL
import Logging
import MachineModel
import PostgreSQL
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Rights of the role")
  struct RightsTests {
    private func migrator(_ database: String) throws -> Migrator {
      var configuration = StorageConfiguration(database: try ConnectionString(database))
      configuration.shards = 16
      return Migrator(
        configuration: configuration,
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// A role that owns nothing of a schema that is there, and has what `grants` gives.
    private func user() async throws -> TestRole {
      let user = try await TestRole()
      #expect(try migrator(user.administration).migrate() == 16)
      try user.run(DatabaseCare.grants(to: user.name))
      return user
    }

    @Test("To make the schema, CREATE on the database or an empty schema as its owner is needed")
    func making() async throws {
      let role = try await TestRole()
      let error = #expect(throws: StorageError.self) { try migrator(role.database).migrate() }
      #expect(error?.kind == .rights && error?.description.contains("lacks a right") == true)
      try role.run("CREATE SCHEMA progressor AUTHORIZATION ROLE_NAME")
      #expect(try migrator(role.database).migrate() == 16)
    }

    @Test("A role without rights to make anything is enough when the schema is there")
    func using() async throws {
      let user = try await user()
      let test = try TestStorage(database: user.database) { $0.sweepInterval = .milliseconds(50) }
      defer { test.storage.stop() }
      try await test.grants()
      var machine = TestMachine("m")
      #expect(try await test.commit([machine.start(events: ["a"])]) == .committed)
      #expect(try await test.load(machine, history: .all).get().history.count == 1)
      var removal = machine.record(.delete(expectedVersion: 1))
      removal.feed = [FeedNote(.removed, at: TestMachine.start)]
      #expect(try await test.commit([removal]) == .committed)
      let administration = try Connection.open(
        TestStorage.settings(user.administration, name: "test"))
      try administration.waitUntil("NOT EXISTS (SELECT FROM event)")
      try administration.waitUntil("EXISTS (SELECT FROM feed_trimmed)")
      try await useFeed(of: test.storage)
      _ = try await test.storage.createNamespace(
        Namespace(name: "n", processor: ProcessorOptions(endpoint: "h:1")))
      try await test.storage.deleteNamespace(named: "orders", now: TestMachine.start)
      let now = TestMachine.start
      let spec = RepairJobSpec(namespace: "n", failedSince: now, reason: "r")
      let job = try await test.storage.createRepairJob("j", spec, now: now)
      try await test.storage.recordRepairFailures(
        [RepairJobFailure(machine: "m", code: 1, reason: "r", message: "m", at: now)],
        shards: [ShardID(0)], of: job)
      #expect(try await test.storage.cancelRepairJob("j", now: now).job.state == .cancelled)
      let later = now.advanced(byMicroseconds: 2 * Storage.repairJobRetention)
      #expect(try await test.storage.sweepRepairJobs(now: later))
    }

    private func useFeed(of storage: Storage) async throws {
      #expect(try await storage.feedHeads()[0].sequence == 1)
      #expect(try await storage.feedBeginnings(ofNamespaces: []).map(\.sequence) == [1])
      _ = try await storage.readFeed(FeedQuery(cursors: [FeedCursor(0, 0)]))
      try await storage.makeFeedConsumer("c", at: [FeedCursor(0, 0)], by: nil)
      try await storage.acknowledgeFeed("c", [FeedCursor(0, 1)], owner: nil)
      try await storage.resetFeedConsumer("c", [], othersBegin: true, owner: nil)
      let subscriber = FeedSubscriber(consumer: "c", id: .random())
      _ = try await storage.feedSubscribersLive([subscriber])
      try await storage.feedSubscribersLeave([subscriber])
      #expect(try await storage.feedConsumers(after: "", limit: 9, owner: nil).count == 1)
      try await storage.deleteFeedConsumer("c", owner: nil)
    }

    @Test(
      "A right that a node needs and has not ends the start, with its name",
      arguments: [
        ("DELETE ON progressor.tombstone", "DELETE on the table tombstone"),
        ("SELECT ON progressor.repair_job_machine", "SELECT on the table repair_job_machine"),
        ("UPDATE ON progressor.namespace", "UPDATE on the table namespace"),
        ("USAGE ON SCHEMA progressor", "USAGE on the schema progressor"),
      ])
    func missing(right: String, words: String) async throws {
      let user = try await user()
      try user.run("REVOKE \(right) FROM ROLE_NAME")
      let error = #expect(throws: StorageError.self) { try TestStorage(database: user.database) }
      #expect(error?.kind == .rights)
      #expect(error?.description.contains(words) == true, "\(String(describing: error))")
      try user.run("GRANT \(right) TO ROLE_NAME")
      try TestStorage(database: user.database).storage.stop()
    }

    @Test("A right on every column of a table is one on the table; what lacks it is named")
    func columns() async throws {
      let user = try await user()
      try user.run(
        """
        REVOKE SELECT ON progressor.namespace FROM ROLE_NAME;
        DO $$ BEGIN
          EXECUTE (
            SELECT format(
              'GRANT SELECT (%s) ON progressor.namespace TO ROLE_NAME', string_agg(attname, ', '))
            FROM pg_attribute
            WHERE attrelid = 'progressor.namespace'::regclass AND attnum > 0);
        END $$;
        """)
      try TestStorage(database: user.database).storage.stop()
      try user.run(
        "REVOKE SELECT (version, pause_reason) ON progressor.namespace FROM ROLE_NAME")
      let error = #expect(throws: StorageError.self) { try TestStorage(database: user.database) }
      #expect(
        error?.description.contains("SELECT on version, pause_reason of the table namespace")
          == true, "\(String(describing: error))")
    }

    @Test("So does a function that it may not call")
    func function() async throws {
      let user = try await user()
      try user.run("REVOKE EXECUTE ON FUNCTION progressor.claim_shards FROM PUBLIC, ROLE_NAME")
      let error = #expect(throws: StorageError.self) { try TestStorage(database: user.database) }
      #expect(error?.kind == .rights)
      #expect(error?.description.contains("EXECUTE on the function claim_shards(uuid)") == true)
    }

    @Test("What is granted is what is looked for, and no more")
    func exactly() async throws {
      let user = try await user()
      let connection = try Connection.open(TestStorage.settings(user.database, name: "test"))
      func missing() throws -> [String] {
        try connection.run(Statements.schemaMissingRights, timeout: .seconds(10))
          .map { try $0.value(0) }
      }
      #expect(try missing() == [])
      let given = try connection.query(
        """
        SELECT privilege_type || ' ON progressor.' || table_name
        FROM information_schema.role_table_grants
        WHERE grantee = current_user AND table_schema = 'progressor'
        """, timeout: .seconds(10)
      ).map { try $0.value(0, as: String.self) }
      #expect(given.count > 40)
      for right in given {
        try user.run("REVOKE \(right) FROM ROLE_NAME")
        #expect(try !missing().isEmpty, "nobody needs \(right)")
        try user.run("GRANT \(right) TO ROLE_NAME")
      }
    }

    @Test("Every table and every function that the schema has is looked at")
    func everything() async throws {
      let role = try await TestRole()
      #expect(try migrator(role.administration).migrate() == 16)
      try role.run("GRANT USAGE ON SCHEMA progressor TO ROLE_NAME")
      try role.run("REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA progressor FROM PUBLIC")
      let connection = try Connection.open(TestStorage.settings(role.database, name: "test"))
      let missing: [String] = try connection.run(
        Statements.schemaMissingRights, timeout: .seconds(10)
      ).map { try $0.value(0) }
      let names = try connection.query(
        """
        SELECT 'table ' || relname FROM pg_class
        WHERE relnamespace = 'progressor'::regnamespace AND relkind IN ('r', 'v')
        UNION ALL
        SELECT 'function ' || proname FROM pg_proc
        WHERE pronamespace = 'progressor'::regnamespace
        """, timeout: .seconds(10)
      ).map { try $0.value(0, as: String.self) }
      for name in names { #expect(missing.contains { $0.contains(name) }, "\(name)") }
    }
  }
}
