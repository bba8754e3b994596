import EmbeddedPostgreSQL
import Logging
import PostgreSQL
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("The care for a database")
  struct DatabaseCareTests {
    private let database: String
    private let configuration: StorageConfiguration
    private let log = LogRecorder()

    init() async throws {
      database = try await TemporaryServer.shared().createDatabase()
      var configuration = StorageConfiguration(database: try ConnectionString(database))
      configuration.shards = 4
      self.configuration = configuration
    }

    private func run(_ sql: String) throws {
      let connection = try Connection.open(TestStorage.settings(database, name: "test"))
      defer { connection.close() }
      try connection.runScript(sql, timeout: .seconds(10))
    }

    private func check() throws -> DatabaseReport {
      try DatabaseCare.check(configuration, logger: log.logger)
    }

    private func migrate() throws -> MigrationReport {
      try DatabaseCare.migrate(configuration, logger: log.logger)
    }

    @Test("A database without a schema, and what migrating makes of it")
    func life() throws {
      var report = try check()
      #expect(report.schemaVersion == nil && report.shards == nil && report.mayMigrate)
      #expect(report.problems.map(\.kind) == [.schema])
      let done = try migrate()
      #expect(done.applied.sorted() == Migration.all.map(\.title))
      #expect(done.shards == 4 && done.postponed == [])
      report = try check()
      #expect(report.problems == [] && report.missing == [] && report.postponed == [])
      #expect(report.schemaVersion == DatabaseReport.neededVersion && report.shards == 4)
      #expect(try migrate().applied == [])
    }

    @Test("A look changes nothing, and waits for nobody who migrates")
    func look() throws {
      _ = try migrate()
      let holder = try Connection.open(TestStorage.settings(database, name: "holder"))
      let locks = SchemaLocks(connection: holder, logger: log.logger)
      #expect(try locks.tryTake(.change))
      #expect(try locks.tryTake(.look))
      try run("DELETE FROM progressor.schema_migration WHERE number = \(Migration.all.count)")
      let report = try check()
      #expect(report.missing == ["015_feed"] && report.schemaVersion == 14)
      #expect(try check() == report)
    }

    @Test(
      "What is wrong with the schema is said",
      arguments: [
        ("INSERT INTO schema_migration VALUES (99, 'future')", "newer version"),
        ("UPDATE schema_migration SET number = 77 WHERE number = 2", "damaged"),
        ("DELETE FROM setting", "the number of shards is not fixed"),
        ("DROP TABLE schema_migration", "is empty"),
      ])
    func wrong(change: String, words: String) throws {
      _ = try migrate()
      try run("SET search_path = progressor; \(change)")
      let problems = try check().problems
      #expect(problems.contains { $0.kind == .schema && $0.text.contains(words) }, "\(problems)")
    }

    @Test("A start that may not migrate needs a schema that is up to date, and changes nothing")
    func never() throws {
      var configuration = configuration
      configuration.mayMigrate = false
      let migrator = Migrator(configuration: configuration, logger: log.logger)
      var error = #expect(throws: StorageError.self) { try migrator.migrate() }
      #expect(error?.kind == .schema)
      #expect(error?.description.contains("`progressor database migrate`") == true)
      #expect(try check().schemaVersion == nil)
      _ = try migrate()
      #expect(try migrator.migrate() == 4)
      // What only cleans up keeps nobody from starting.
      try run("DELETE FROM progressor.schema_migration WHERE number = 8")
      #expect(try migrator.migrate() == 4)
      try run("DELETE FROM progressor.schema_migration WHERE number = \(Migration.all.count)")
      error = #expect(throws: StorageError.self) { try migrator.migrate() }
      #expect(error?.description.contains("015_feed") == true)
      #expect(try check().schemaVersion == 14)
    }

    @Test("Who owns the tables may migrate them, whatever others keep in the schema")
    func ownership() async throws {
      let role = try await TestRole()
      try role.run("CREATE SCHEMA progressor AUTHORIZATION ROLE_NAME")
      let configuration = StorageConfiguration(database: try ConnectionString(role.database))
      func mayMigrate() throws -> Bool {
        try DatabaseCare.check(configuration, logger: log.logger).mayMigrate
      }
      #expect(try mayMigrate())
      _ = try DatabaseCare.migrate(configuration, logger: log.logger)
      try role.run("CREATE TABLE progressor.kept AS SELECT * FROM progressor.machine")
      #expect(try mayMigrate())
      try role.run("ALTER TABLE progressor.machine OWNER TO CURRENT_USER")
      #expect(try !mayMigrate())
      try role.run(
        "DELETE FROM progressor.schema_migration WHERE number = \(DatabaseReport.neededVersion)")
      let error = #expect(throws: StorageError.self) {
        try DatabaseCare.migrate(configuration, logger: log.logger)
      }
      #expect(error?.kind == .rights)
      #expect(error?.description.contains("does not own its tables") == true)
    }

    @Test("The name of a role is one name, whatever it has in it")
    func names() {
      let sql = DatabaseCare.grants(to: "a\"; DROP SCHEMA progressor; --")
      #expect(sql.contains("TO \"a\"\"; DROP SCHEMA progressor; --\";"))
      #expect(!sql.contains(":\"role\"") && !sql.contains("\n--"))
    }
  }
}
