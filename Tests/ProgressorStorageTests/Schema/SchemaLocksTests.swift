import EmbeddedPostgreSQL
import Logging
import MachineModel
import PostgreSQL
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Waits for the schema")
  struct SchemaLocksTests {
    private let database: String
    private let configuration: StorageConfiguration
    private let log = LogRecorder()

    init() async throws {
      database = try await TemporaryServer.shared().createDatabase()
      var configuration = StorageConfiguration(database: try ConnectionString(database))
      configuration.shards = 4
      configuration.schemaPatience = .milliseconds(200)
      self.configuration = configuration
    }

    private func migrate() throws -> Int32 {
      try Migrator(configuration: configuration, logger: log.logger).migrate()
    }

    /// A session with the lock.
    private func holder(of lock: SchemaLocks.Lock) throws -> Connection {
      let holder = try Connection.open(TestStorage.settings(database, name: "holder"))
      #expect(try SchemaLocks(connection: holder, logger: log.logger).tryTake(lock))
      return holder
    }

    @Test(
      "It has an end, which says who changes the schema",
      arguments: [SchemaLocks.Lock.change, .look])
    func end(lock: SchemaLocks.Lock) throws {
      let holder = try holder(of: lock)
      let error = #expect(throws: StorageError.self) { try migrate() }
      #expect(error?.kind == .busy)
      let name = "process \(holder.backend.processID) (holder, idle)"
      #expect(error?.description.contains(name) == true, "\(String(describing: error))")
      let lines = log.lines("another node looks after the schema: waiting for it")
      #expect(lines.first?.metadata["held-by"]?.contains(name) == true)
      holder.close()
    }

    @Test("It is told again and again with who is waited for")
    func reports() throws {
      let holder = try holder(of: .change)
      let waiter = try Connection.open(TestStorage.settings(database, name: "waiter"))
      var locks = SchemaLocks(connection: waiter, logger: log.logger)
      locks.reportInterval = .zero
      #expect(throws: StorageError.self) {
        try locks.take(.change, until: .now + .milliseconds(500))
      }
      #expect(log.lines("another node looks after the schema: waiting for it").count > 1)
      holder.close()
    }

    @Test("Whose schema is new enough waits for nobody who changes it")
    func newest() throws {
      var patient = configuration
      patient.schemaPatience = .seconds(60)
      #expect(try Migrator(configuration: patient, logger: log.logger).migrate() == 4)
      let holder = try holder(of: .change)
      #expect(try migrate() == 4)
      holder.close()
    }
  }
}
