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
    /// Two clusters, and a database of each; the first one is reached by way of a link.
    private struct Servers {
      let clusters: [TemporaryServer]
      let databases: [String]
      let linked: String
      private let link: String

      init() async throws {
        clusters = try await [
          TemporaryServer(prefix: "progressor-first"),
          TemporaryServer(prefix: "progressor-other"),
        ]
        var databases: [String] = []
        for cluster in clusters { databases.append(try await cluster.createDatabase()) }
        self.databases = databases
        link = "/tmp/progressor-link-\(UInt64.random(in: 0 ... .max))"
        let host = try Self.host(of: databases[0])
        linked = databases[0].replacing(host, with: link)
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: host)
      }

      /// The other cluster answers from now on; its database has the schema already.
      func replace() throws {
        try TestStorage(database: databases[1]).storage.stop()
        try FileManager.default.removeItem(atPath: link)
        try FileManager.default.createSymbolicLink(
          atPath: link, withDestinationPath: Self.host(of: databases[1]))
      }

      func remove() async {
        try? FileManager.default.removeItem(atPath: link)
        for cluster in clusters { await cluster.stop() }
      }

      /// The directory in `host='…'`.
      private static func host(of connectionString: String) throws -> String {
        try String(#require(connectionString.split(separator: "'").dropFirst().first))
      }
    }

    @Test("When another database answers under the same name, all is dropped and begins anew")
    func replaced() async throws {
      let clusters = try await Servers()
      let test = try TestStorage(database: clusters.linked)
      try await test.grants()
      var machine = TestMachine("m")
      #expect(try await test.commit([machine.start()]) == .committed)
      try clusters.replace()
      await clusters.clusters[0].stop()
      // Whoever notices first: what is committed now is not written into the other database.
      #expect(try await test.commit([machine.step(["late"])]) == .fenced)
      #expect(try await test.lost().count == 8)
      test.storage.acknowledgeLoss()
      #expect(try await test.grants().count == 8)
      #expect(try await test.load(machine, history: .all).get() == Loaded())
      test.storage.stop()
      await clusters.remove()
    }

    @Test("Nothing is read from the server before, though it lives on and sessions with it too")
    func replacedWhileTheFirstLivesOn() async throws {
      let clusters = try await Servers()
      let test = try TestStorage(database: clusters.linked)
      try await test.grants()
      var machine = TestMachine("m")
      #expect(try await test.commit([machine.start()]) == .committed)
      #expect(try await test.load(machine).get().row == machine.row)
      #expect(try await test.list().get().count == 1)
      try clusters.replace()
      // Only the writer meets the other server; the readers' sessions are as good as they were.
      let beside = try Connection.open(
        TestStorage.settings(clusters.databases[0], name: "progressor-tests"))
      _ = try beside.query(
        """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name LIKE 'progressor/%/writer/0/'
        """, timeout: .seconds(10))
      #expect(try await test.commit([machine.step(["late"])]) == .fenced)
      #expect(try await test.lost().count == 8)
      test.storage.acknowledgeLoss()
      #expect(try await test.grants().count == 8)
      #expect(try await test.load(machine).get() == Loaded())
      #expect(try await test.list().get().isEmpty)
      test.storage.stop()
      beside.close()
      await clusters.remove()
    }
  }
}
