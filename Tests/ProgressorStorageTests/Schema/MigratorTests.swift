import EmbeddedPostgreSQL
import Logging
import MachineModel
import PostgreSQL
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Migrator")
  struct MigratorTests {
    private func migrator(
      _ database: String, shards: Int32 = 16
    ) throws -> Migrator {
      var configuration = StorageConfiguration(database: try ConnectionString(database))
      configuration.shards = shards
      return Migrator(
        configuration: configuration,
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private func database() async throws -> String {
      try await TemporaryServer.shared().createDatabase()
    }

    private func connect(_ database: String) throws -> Connection {
      try Connection.open(TestStorage.settings(database, name: "test"))
    }

    @Test("A new database gets every table and its shards; a second start changes nothing")
    func twice() async throws {
      let database = try await database()
      #expect(try migrator(database).migrate() == 16)
      let connection = try connect(database)
      let facts =
        "SELECT (SELECT count(*) FROM shard) * 1000"
        + " + (SELECT count(*) FROM schema_migration)"
      #expect(try connection.scalar(facts, as: Int64.self) == 16_000 + Int64(Migration.all.count))
      #expect(try migrator(database).migrate() == 16)
      #expect(try connection.scalar(facts, as: Int64.self) == 16_000 + Int64(Migration.all.count))
    }

    @Test("The number of shards is fixed at the first start, whatever is configured later")
    func fixedShards() async throws {
      let database = try await database()
      #expect(try migrator(database, shards: 4).migrate() == 4)
      #expect(try migrator(database, shards: 64).migrate() == 4)
      #expect(
        try connect(database).scalar("SELECT count(*) FROM shard", as: Int64.self) == 4)
    }

    @Test("Nodes that start at once on a new database do not disturb each other")
    func atOnce() async throws {
      let database = try await database()
      let migrator = try migrator(database)
      try await withThrowingTaskGroup(of: Int32.self) { group in
        for _ in 0..<4 { group.addTask { try migrator.migrate() } }
        for try await shards in group { #expect(shards == 16) }
      }
    }

    @Test("A schema of a newer version is refused, and the message says what to do")
    func newer() async throws {
      let database = try await database()
      _ = try migrator(database).migrate()
      _ = try connect(database).query(
        "INSERT INTO schema_migration VALUES (99, 'future')", timeout: .seconds(10))
      let error = #expect(throws: StorageError.self) { try migrator(database).migrate() }
      #expect(error?.kind == .schema)
      #expect(error?.description.contains("newer version") == true)
    }

    @Test("A schema with a hole in its migrations is refused")
    func damaged() async throws {
      let database = try await database()
      _ = try migrator(database).migrate()
      _ = try connect(database).query(
        "UPDATE schema_migration SET number = 77 WHERE number = 2", timeout: .seconds(10))
      let error = #expect(throws: StorageError.self) { try migrator(database).migrate() }
      #expect(error?.description.contains("damaged") == true)
    }

    @Test("A migration that fails leaves the schema as it was")
    func failing() async throws {
      let database = try await database()
      var migrator = try migrator(database)
      let bad = "CREATE TABLE half (x int); SELECT 1 / 0;"
      migrator.migrations.append(Migration(3, "bad", Array(bad.utf8)))
      #expect(throws: StorageError.self) { try migrator.migrate() }
      let connection = try connect(database)
      #expect(try connection.scalar("SELECT to_regclass('half') IS NULL", as: Bool.self))
      migrator.migrations.removeLast()
      #expect(try migrator.migrate() == 16)
    }

    @Test("A database that is not there is unreachable")
    func unreachable() throws {
      let error = #expect(throws: StorageError.self) {
        try migrator("host=/nowhere dbname=x connect_timeout=1").migrate()
      }
      #expect(error?.kind == .unreachable)
    }

    @Test("A server that would lose commits in a crash is refused")
    func unfit() async throws {
      let cluster = try await TemporaryServer(prefix: "progressor-unfit")
      let database = try await cluster.createDatabase()
      let connection = try connect(database)
      for (setting, name) in [("fsync", "fsync"), ("full_page_writes", "full_page_writes")] {
        _ = try connection.query("ALTER SYSTEM SET \(setting) = off", timeout: .seconds(10))
        _ = try connection.query("SELECT pg_reload_conf()", timeout: .seconds(10))
        try connection.waitUntil("current_setting('\(setting)') = 'off'")
        let error = #expect(throws: StorageError.self) { try migrator(database).migrate() }
        #expect(error?.kind == .unfit)
        #expect(error?.description.contains("\(name) is off") == true)
        _ = try connection.query("ALTER SYSTEM RESET \(setting)", timeout: .seconds(10))
        _ = try connection.query("SELECT pg_reload_conf()", timeout: .seconds(10))
        try connection.waitUntil("current_setting('\(setting)') = 'on'")
      }
      #expect(try migrator(database).migrate() == 16)
      await cluster.stop()
    }

    @Test("A database that cannot hold every text is refused")
    func encoding() async throws {
      let utf8 = try await TemporaryServer.shared().createDatabase()
      _ = try connect(utf8).query(
        "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'",
        timeout: .seconds(30))
      let name = try #require(utf8.split(separator: "=").last)
      let latin = utf8.replacing("dbname=\(name)", with: "dbname=latin")
      let error = #expect(throws: StorageError.self) { try migrator(latin).migrate() }
      #expect(error?.kind == .unfit)
      #expect(error?.description.contains("LATIN1") == true)
      #expect(try migrator(utf8).migrate() == 16)
    }

    @Test(
      "Every table with machines' rows begins its primary key with shard; payloads stay as sent")
    func layout() async throws {
      let database = try await database()
      _ = try migrator(database).migrate()
      let connection = try connect(database)
      let tables =
        "conrelid IN ('machine'::regclass, 'event'::regclass,"
        + " 'notification'::regclass, 'idempotency'::regclass)"
      let shard =
        "(SELECT attnum FROM pg_attribute WHERE attrelid = conrelid AND attname = 'shard')"
      func count(_ condition: String) throws -> Int64 {
        try connection.scalar(
          "SELECT count(*) FROM pg_constraint WHERE \(tables) AND \(condition)")
      }
      #expect(try count("contype = 'p' AND conkey[1] = \(shard)") == 4)
      #expect(try count("contype = 'u' AND \(shard) = ANY (conkey)") == 1)
      #expect(try count("contype IN ('p', 'u')") == 5)
      #expect(try count("contype = 'f'") == 0)
      #expect(
        try connection.scalar(
          """
          SELECT count(*) FROM pg_attribute
          WHERE attrelid IN ('machine'::regclass, 'event'::regclass, 'notification'::regclass)
            AND attname IN ('aux_data', 'data', 'args') AND attstorage = 'e'
          """, as: Int64.self) == 3)
    }
  }
}
