import EmbeddedPostgreSQL
import MachineModel
import PostgreSQL
import ProgressorEngine
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("The census")
  struct CensusTests {
    /// Machines of the namespace 1, `count` of each kind, past any engine; each has two
    /// notifications.
    private func fill(_ connection: Connection, count: Int) throws {
      func insert(_ kind: Int, _ columns: String, _ values: String) throws {
        try connection.runScript(
          """
          INSERT INTO machine (
            shard, machine_key, namespace, id, version, created_at, last_event_id, last_event_at,
            notification_count, notification_retrying\(columns))
          SELECT n % 8, \(kind * 1_000_000) + n, 1, '\(kind)-' || n, 1, now(), 0, now(),
            2, false\(values)
          FROM generate_series(1, \(count)) AS n
          """, timeout: .seconds(60))
      }
      try insert(1, ", failed_at", ", now()")
      try insert(2, ", paused_at, pause_reason", ", now(), ''")
      try insert(3, ", failed_at, paused_at, pause_reason", ", now(), now(), ''")
      try insert(4, ", due_at, timer_attempt", ", now() + interval '1 hour', 2")
      try insert(5, ", due_at", ", now() - interval '30 seconds'")
      try insert(6, ", due_at", ", now() - interval '3 seconds'")
      try insert(7, ", due_at, timer_at", ", now() + interval '1 hour', now()")
    }

    @Test("Each kind of machine is counted, and each queued notification once")
    func counts() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      try fill(try test.connect(), count: 10)
      var census = try await test.storage.census()
      #expect(census.count == 1)
      let oldest = census[0].oldestDue
      #expect((30_000_000..<60_000_000).contains(oldest))
      census[0].oldestDue = 0
      var expected = NamespaceCensus(name: "orders", number: NamespaceNumber(1))
      (expected.failed, expected.paused, expected.retrying, expected.late) = (20, 20, 10, 10)
      // All but those of the last kind, which has no notification that waits by what its row says.
      expected.queuedNotifications = 2 * 60
      #expect(census == [expected])
    }

    @Test("Nothing is counted beyond the most that is")
    func capped() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      try connection.runScript(
        """
        INSERT INTO machine (
          shard, machine_key, namespace, id, version, created_at, last_event_id, last_event_at,
          notification_count, notification_retrying, failed_at)
        SELECT n % 8, n, 1, n, 1, now(), 0, now(), 0, false, now()
        FROM generate_series(1, 100100) AS n
        """, timeout: .seconds(60))
      #expect(try await test.storage.census().first?.failed == Storage.maximumCensusCount)
    }

    @Test("One node of all counts, and another when that one is gone")
    func oneNode() async throws {
      let test = try await TestStorage.owner()
      let standby = try TestStorage(database: test.database)
      defer { standby.storage.stop() }
      try await eventually("a lease of its own") { standby.storage.leaseNode != nil }
      #expect(try await test.storage.census().count == 1)
      #expect(try await standby.storage.census() == [])
      test.storage.stop()
      try await standby.grants()
      #expect(try await standby.storage.census().count == 1)
    }

    @Test("Late machines are those of the node's own shards, oldest first, in what is not paused")
    func late() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      try fill(connection, count: 2_600)
      let number = NamespaceNumber(1)
      #expect(try await test.storage.lateMachines(dueFor: 0, except: [number]) == [])
      let late = try await test.storage.lateMachines(dueFor: 10_000_000)
      #expect(late.count == Int(Storage.maximumLateMachines))
      #expect(late.allSatisfy { $0.machine.id.hasPrefix("5-") })
      #expect(late == late.sorted { $0.due < $1.due })
      try connection.runScript(
        "UPDATE machine SET due_at = '-infinity' WHERE id = '5-1'", timeout: .seconds(10))
      #expect(try await test.storage.lateMachines(dueFor: 0).allSatisfy { $0.machine.id != "5-1" })
      try connection.runScript(
        "UPDATE namespace SET paused_at = now(), pause_reason = ''",
        timeout: .seconds(10))
      #expect(try await test.storage.lateMachines(dueFor: 0) == [])
      try connection.runScript(
        "UPDATE namespace SET paused_at = NULL, pause_reason = NULL; UPDATE shard SET owner = NULL",
        timeout: .seconds(10))
      #expect(try await test.storage.lateMachines(dueFor: 0) == [])
    }

    @Test("A database that is away is an error within seconds, and hinders nobody's stop")
    func away() async throws {
      let test = try await TestStorage.owner()
      let connection = try test.connect()
      try connection.runScript(
        "BEGIN; LOCK TABLE namespace IN ACCESS EXCLUSIVE MODE", timeout: .seconds(10))
      let error = await #expect(throws: ProgressorError.self) { try await test.storage.census() }
      #expect(error?.reason == .storageUnavailable)
      connection.close()
      #expect(try await test.storage.census().count == 1)
      test.storage.stop()
      // It is answered in any case, and a node without a lease counts nothing.
      let last = try? await test.storage.census()
      #expect(last ?? [] == [])
    }
  }
}
