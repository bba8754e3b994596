import Dispatch
import EmbeddedPostgreSQL
import Logging
import MachineModel
import PostgreSQL
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  /// A database of an earlier version, and nodes of that version that serve beside the upgrade.
  @Suite("Upgrade")
  struct UpgradeTests {
    private let database: String
    private let migrator: Migrator

    init() async throws {
      database = try await TemporaryServer.shared().createDatabase()
      var configuration = StorageConfiguration(database: try ConnectionString(database))
      configuration.shards = 4
      migrator = Migrator(
        configuration: configuration,
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private func connect(name: String = "test") throws -> Connection {
      try Connection.open(TestStorage.settings(database, name: name))
    }

    /// The schema as version 5 had it, with machines and a node that lives.
    private func makeVersion5() throws {
      var old = migrator
      old.migrations = Array(Migration.all.prefix(5))
      _ = try old.migrate()
      try run(
        """
        INSERT INTO node (id, expires_at, name)
        VALUES (gen_random_uuid(), now() + interval '1 hour', 'old');
        INSERT INTO machine (shard, machine_key, namespace, id, version, created_at,
          last_event_id, last_event_at, notification_count, notification_retrying, due_at)
        SELECT 0, n, 1, n, 1, now(), 0, now(), 0, false, now() FROM generate_series(1, 1000) AS n
        """)
    }

    private func run(_ script: String, on connection: Connection? = nil) throws {
      try (connection ?? connect()).runScript(script, timeout: .seconds(60))
    }

    /// Migrates on a thread that may block.
    private func migrate(_ other: Migrator? = nil) async throws -> Int32 {
      let migrator = other ?? migrator
      let result = await withCheckedContinuation { continuation in
        DispatchQueue.global().async {
          continuation.resume(
            returning: Result { () throws(StorageError) in try migrator.migrate() })
        }
      }
      return try result.get()
    }

    private static func waits(_ query: String) -> String {
      "SELECT true FROM pg_stat_activity WHERE datname = current_database()"
        + " AND wait_event_type = 'Lock' AND query LIKE '%\(query)%' AND pid <> pg_backend_pid()"
    }

    /// A migration from version 5 that waits with the index, until `holder` ends its transaction.
    private func beginIndex() throws -> (
      connection: Connection, holder: Connection, migrated: Task<Int32, any Error>
    ) {
      try makeVersion5()
      let (connection, holder) = (try connect(), try connect())
      try run("BEGIN", on: holder)
      try run("UPDATE machine SET version = 2 WHERE machine_key = 1", on: holder)
      let migrated = Task { try await migrate() }
      try connection.waitUntil(Self.waits("CREATE INDEX CONCURRENTLY"))
      return (connection, holder, migrated)
    }

    private func applied(_ connection: Connection) throws -> Int {
      Int(try connection.scalar("SELECT count(*) FROM schema_migration") as Int64)
    }

    private func isThere(_ relation: String, _ connection: Connection) throws -> Bool {
      try connection.scalar(
        "SELECT coalesce((SELECT indisvalid FROM pg_index"
          + " WHERE indexrelid = to_regclass('\(relation)')), false)")
    }

    /// What a node of version 5 does all the time.
    private static let oldWork =
      """
      UPDATE machine SET version = version + 1, due_at = now() WHERE machine_key = 7;
      UPDATE node SET expires_at = now() + interval '1 hour' WHERE name = 'old';
      DELETE FROM machine WHERE machine_key = 8;
      INSERT INTO tombstone (shard, machine_key) VALUES (0, 8) ON CONFLICT DO NOTHING;
      SELECT sweep_tombstones((SELECT id FROM node), 0, 2, 10, 10);
      """

    @Test("Old nodes go on while the index is built, and keep theirs until they are gone")
    func index() async throws {
      let (connection, holder, migrated) = try beginIndex()
      for _ in 1...3 { try run(Self.oldWork, on: connection) }
      #expect(try applied(connection) == 5)
      try run("COMMIT", on: holder)
      #expect(try await migrated.value == 4)
      #expect(try applied(connection) == Migration.all.count - 1)
      #expect(try isThere("machine_due_by_namespace", connection))
      #expect(try isThere("machine_due", connection))
      try run(Self.oldWork, on: connection)

      try run("DELETE FROM node", on: connection)
      #expect(try await migrate() == 4)
      #expect(try applied(connection) == Migration.all.count)
      #expect(try isThere("machine_due_by_namespace", connection))
      #expect(try !isThere("machine_due", connection))
    }

    @Test("A migration that waits for a lock halts others only for moments")
    func lock() async throws {
      try makeVersion5()
      let (connection, holder) = (try connect(), try connect())
      try run("BEGIN", on: holder)
      try run("SELECT FROM node FOR UPDATE", on: holder)
      let migrated = Task { try await migrate() }
      try connection.waitUntil(Self.waits("-- Sweeps that neither wait"))
      // Waits behind the migration, whose attempt ends; the holder has not ended.
      #expect(try connection.scalar("SELECT count(*) FROM node", as: Int64.self) == 1)
      try connection.waitUntil(Self.waits("-- Sweeps that neither wait"))
      #expect(try connection.scalar("SELECT count(*) FROM node", as: Int64.self) == 1)
      try run("COMMIT", on: holder)
      #expect(try await migrated.value == 4)
      #expect(try applied(connection) == Migration.all.count - 1)
    }

    /// All but what cleans up, and no node.
    private func makeVersionWithoutCleanup() throws {
      try makeVersion5()
      var most = migrator
      most.migrations = Migration.all.filter { $0.manner != .cleanup }
      _ = try most.migrate()
      try run("DELETE FROM node")
    }

    @Test("What cleans up is no reason to wait, nor to fail")
    func cleanup() async throws {
      try makeVersionWithoutCleanup()
      let (connection, holder) = (try connect(), try connect())
      try run("BEGIN", on: holder)
      try run("SELECT FROM machine", on: holder)
      let log = LogRecorder()
      let logging = Migrator(configuration: migrator.configuration, logger: log.logger)
      #expect(try await migrate(logging) == 4)
      #expect(try applied(connection) == Migration.all.count - 1)
      #expect(log.lines.allSatisfy { $0.level <= .info })
      let lines = log.lines("a migration that cleans up is left to a later start")
      #expect(lines.count == 1)
      #expect(lines.first?.metadata["reason"]?.contains("lock timeout") == true)
      try run("COMMIT", on: holder)
      #expect(try await migrate(logging) == 4)
      #expect(try applied(connection) == Migration.all.count)
    }

    @Test("Nor is it one for a role that may not do it")
    func cleanupRights() async throws {
      try makeVersionWithoutCleanup()
      let name = "role_\(SQLUUID.random())".replacing("-", with: "_")
      try run(
        """
        CREATE ROLE \(name) LOGIN;
        GRANT USAGE ON SCHEMA progressor TO \(name);
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA progressor TO \(name);
        """)
      let user = database.split(separator: " ").map {
        $0.hasPrefix("user=") ? "user=\(name)" : String($0)
      }.joined(separator: " ")
      var configuration = migrator.configuration
      configuration.database = try ConnectionString(user)
      #expect(
        try await migrate(Migrator(configuration: configuration, logger: migrator.logger)) == 4)
      #expect(try applied(connect()) == Migration.all.count - 1)
    }

    @Test("It waits for an old node whose lease is over, for that can renew it")
    func expired() async throws {
      try makeVersionWithoutCleanup()
      let connection = try connect()
      let insert =
        "INSERT INTO node (id, expires_at, name) VALUES (gen_random_uuid(), now(), 'old')"
      try run(insert, on: connection)
      #expect(try await migrate() == 4)
      #expect(try applied(connection) == Migration.all.count - 1)
      try run(Self.oldWork, on: connection)
      // One that comes between the look and the migration.
      #expect(throws: PostgreSQLError.self) { try run(Migration.all[7].sql, on: connection) }
      try run("DELETE FROM node", on: connection)
      #expect(try await migrate() == 4)
      #expect(try applied(connection) == Migration.all.count)
      // It was between two leases: it gets none any more.
      let error = #expect(throws: PostgreSQLError.self) { try run(insert, on: connection) }
      #expect(error?.message.contains("schema_version") == true)
    }

    @Test("A start that is killed while it builds the index is completed by the next one")
    func killed() async throws {
      let (connection, holder, migrated) = try beginIndex()
      try run(
        """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'progressor/migrator'
        """)
      await #expect(throws: StorageError.self) { try await migrated.value }
      try run("COMMIT", on: holder)
      #expect(try !isThere("machine_due_by_namespace", connection))
      #expect(try connection.scalar("SELECT to_regclass('machine_due_by_namespace') IS NOT NULL"))
      #expect(try await migrate() == 4)
      #expect(try isThere("machine_due_by_namespace", connection))
    }

    @Test("A node of the old version that starts while the index is built waits for nothing")
    func oldStart() async throws {
      try makeVersion5()
      let (connection, holder) = (try connect(), try connect())
      try run("BEGIN", on: holder)
      try run("UPDATE machine SET version = 2 WHERE machine_key = 1", on: holder)
      let migrated = Task { try await migrate() }
      try connection.waitUntil(Self.waits("CREATE INDEX CONCURRENTLY"))
      let old = try connect()
      _ = try old.query(
        "SELECT pg_advisory_lock(8097880561172341362)", timeout: .seconds(10))
      #expect(try applied(old) == 5)
      old.close()
      try run("COMMIT", on: holder)
      #expect(try await migrated.value == 4)
      #expect(try isThere("machine_due_by_namespace", connection))
    }

    @Test("A build that a deadlock ends begins anew, with what it left behind")
    func deadlock() async throws {
      try makeVersion5()
      let (connection, holder) = (try connect(), try connect())
      try run("BEGIN", on: holder)
      try run("UPDATE machine SET version = 2 WHERE machine_key = 1", on: holder)
      let migrated = Task { try await migrate() }
      try connection.waitUntil(Self.waits("CREATE INDEX CONCURRENTLY"))
      let rival = Task.detached {
        // It waits for the build, and the build for its snapshot; the build notices first.
        try run(
          """
          SET deadlock_timeout = '1h';
          BEGIN ISOLATION LEVEL REPEATABLE READ;
          SELECT count(*) FROM schema_migration;
          LOCK TABLE machine IN SHARE UPDATE EXCLUSIVE MODE;
          COMMIT;
          """)
      }
      try connection.waitUntil(Self.waits("LOCK TABLE machine"))
      try run("COMMIT", on: holder)
      try await rival.value
      #expect(try await migrated.value == 4)
      #expect(try isThere("machine_due_by_namespace", connection))
    }

    @Test("A build that takes its time says how far it is, and whom it waits for")
    func reports() async throws {
      try makeVersion5()
      let holder = try connect(name: "report of sales")
      try run("BEGIN", on: holder)
      try run("UPDATE machine SET version = 2 WHERE machine_key = 1", on: holder)
      let log = LogRecorder()
      var migrator = Migrator(configuration: migrator.configuration, logger: log.logger)
      migrator.buildReports = (.milliseconds(100), .milliseconds(100))
      let migrated = Task { [migrator] in try await migrate(migrator) }
      let name = "process \(holder.backend.processID) (report of sales, idle in transaction) for "
      try await eventually("told twice") {
        log.lines("an index is being built").count {
          $0.metadata["waits-for"]?.hasPrefix(name) == true
            && $0.metadata["progress"]?.hasPrefix("waiting for writers before build") == true
        } > 1
      }
      try run("COMMIT", on: holder)
      #expect(try await migrated.value == 4)
    }

    @Test("An index that was built and not recorded is kept")
    func built() async throws {
      try makeVersion5()
      let connection = try connect()
      try run(
        """
        CREATE INDEX machine_due_by_namespace
        ON machine (namespace, due_at, shard, machine_key) WHERE due_at IS NOT NULL
        """, on: connection)
      let number = "SELECT 'machine_due_by_namespace'::regclass::oid::bigint"
      let before: Int64 = try connection.scalar(number)
      #expect(try await migrate() == 4)
      #expect(try connection.scalar(number) == before)
    }

    @Test("Without machines no index waits for what others do in the same database")
    func empty() async throws {
      let (connection, holder) = (try connect(), try connect())
      try run("BEGIN ISOLATION LEVEL REPEATABLE READ", on: holder)
      try run("SELECT count(*) FROM pg_class", on: holder)
      let migrated = Task { try await migrate() }
      try connection.waitUntil("to_regclass('progressor.machine') IS NOT NULL")
      try connection.waitUntil(
        "SELECT count(*) = \(Migration.all.count) FROM progressor.schema_migration")
      try run("COMMIT", on: holder)
      #expect(try await migrated.value == 4)
    }

    @Test("A database with the earlier form of migration 006 comes to the same schema")
    func earlierForm() async throws {
      var old = migrator
      let earlier = """
        DROP INDEX machine_due;
        CREATE INDEX machine_due ON machine (namespace, due_at, shard, machine_key)
          WHERE due_at IS NOT NULL;
        INSERT INTO schema_migration (number, name) VALUES (6, 'due_by_namespace');
        """
      old.migrations =
        Array(Migration.all.prefix(5)) + [Migration(6, "due_by_namespace", Array(earlier.utf8))]
      _ = try old.migrate()
      #expect(try await migrate() == 4)
      let connection = try connect()
      #expect(try applied(connection) == Migration.all.count)
      #expect(try isThere("machine_due_by_namespace", connection))
      #expect(try !isThere("machine_due", connection))
    }

    @Test("Nodes that wait for the schema are in the way of no index that is built meanwhile")
    func waiting() async throws {
      let (connection, holder, one) = try beginIndex()
      let other = Task { try await migrate() }
      try connection.waitUntil(
        """
        SELECT count(*) = 2 FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'progressor/migrator'
        """)
      try run("COMMIT", on: holder)
      #expect(try await one.value == 4)
      #expect(try await other.value == 4)
    }
  }
}
