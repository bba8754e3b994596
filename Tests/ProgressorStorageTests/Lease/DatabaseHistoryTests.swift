import EmbeddedPostgreSQL
import Foundation
import Logging
import PostgreSQL
import ProgressorEngine
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("A database that is another one")
  struct DatabaseHistoryTests {
    /// The directory in `host='…'`.
    private func host(of connectionString: String) throws -> String {
      try String(#require(connectionString.split(separator: "'").dropFirst().first))
    }

    @Test("When another database answers under the same name, all is dropped and begins anew")
    func replaced() async throws {
      let clusters = try await [
        TemporaryCluster(prefix: "progressor-first"), TemporaryCluster(prefix: "progressor-other"),
      ]
      var databases: [String] = []
      for cluster in clusters { databases.append(try await cluster.createDatabase()) }
      let files = FileManager.default
      let link = "/tmp/progressor-link-\(UInt64.random(in: 0 ... .max))"
      defer { try? files.removeItem(atPath: link) }
      try files.createSymbolicLink(
        atPath: link, withDestinationPath: host(of: databases[0]))
      let database = databases[0].replacing(try host(of: databases[0]), with: link)
      let test = try TestStorage(database: database)
      try await test.grants()
      var machine = TestMachine("m")
      #expect(try await test.commit([machine.start()]) == .committed)

      // The other database has the schema already.
      try TestStorage(database: databases[1]).storage.stop()
      try files.removeItem(atPath: link)
      try files.createSymbolicLink(
        atPath: link, withDestinationPath: host(of: databases[1]))
      await clusters[0].stop()
      // Whoever notices first: what is committed now is not written into the other database.
      #expect(try await test.commit([machine.step(["late"])]) == .fenced)
      #expect(try await test.lost().count == 8)
      test.storage.acknowledgeLoss()
      #expect(try await test.grants().count == 8)
      #expect(try await test.load(machine, history: .all).get() == Loaded())
      test.storage.stop()
      await clusters[1].stop()
    }
  }
}
