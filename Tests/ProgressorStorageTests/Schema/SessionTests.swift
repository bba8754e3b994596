import MachineModel
import PostgreSQL
import ProgressorEngine
import Synchronization
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Sessions")
  struct SessionTests {
    @Test(
      "A database that gives too few sessions is refused at the start, with what is needed",
      arguments: [1, 5, 10])
    func tooFew(_ limit: Int) async throws {
      let role = try await TestRole("CONNECTION LIMIT \(limit)")
      try role.mayCreate()
      let error = #expect(throws: StorageError.self) { try TestStorage(database: role.database) }
      #expect(error?.kind == .crowded)
      #expect(
        error?.description.contains("14 sessions are needed at once, and there are \(limit)")
          == true)
      #expect(error?.description.contains("CONNECTION LIMIT") == true)
    }

    @Test("As many sessions as are said to be needed are enough, and no session is missing then")
    func enough() async throws {
      let role = try await TestRole("CONNECTION LIMIT 14")
      try role.mayCreate()
      let test = try TestStorage(database: role.database)
      defer { test.storage.stop() }
      try await test.grants()
      _ = try await test.storage.census()
      _ = try await test.storage.feedHeads()
      _ = try await test.storage.readFeed(FeedQuery(cursors: []))
      // Writers connect when they have something to write.
      for slot in 0..<2 {
        var machine = TestMachine("m\(slot)", shard: Int32(slot))
        #expect(try await test.commit([machine.start()], slot: slot) == .committed)
      }
      try await eventually("all sessions") { test.storage.status.isAvailable }
      try role.run(
        """
        DO $$ BEGIN
          ASSERT (SELECT count(*) = 14 FROM pg_stat_activity WHERE usename = 'ROLE_NAME');
        END $$
        """)
    }

    @Test("A session that cannot be had any more is told, and when it is there again")
    func missing() async throws {
      let role = try await TestRole()
      try role.mayCreate()
      let test = try TestStorage(database: role.database)
      defer { test.storage.stop() }
      try await test.grants()
      try await eventually("every session") { test.storage.status.isAvailable }
      let told = Mutex<[Bool]>([])
      test.storage.followSessions { areThere in told.withLock { $0.append(areThere) } }
      try role.run(
        """
        ALTER ROLE ROLE_NAME CONNECTION LIMIT 1;
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE usename = 'ROLE_NAME' AND application_name LIKE 'progressor/loader%'
        """)
      try await eventually("missing sessions") { test.storage.status.missingSessions == 3 }
      #expect(!test.storage.status.isAvailable)
      try role.run("ALTER ROLE ROLE_NAME CONNECTION LIMIT -1")
      try await eventually("all sessions again") { test.storage.status.missingSessions == 0 }
      #expect(told.withLock { $0 } == [true, false, true])
      #expect(try await test.load(TestMachine("m")).get() == Loaded())
    }
  }
}
