import EmbeddedPostgreSQL
import Glibc
import MachineModel
import PostgreSQL
import ProgressorEngine
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Lease")
  struct LeaseTests {
    private func database() async throws -> String {
      try await TemporaryServer.shared().createDatabase()
    }

    /// A node as a crashed process leaves it: all shards, a writer per slot, a lease that ends so
    /// many seconds from now.
    private func leaveBehind(
      _ node: SQLUUID, expiresIn seconds: Int, on connection: Connection
    ) throws {
      try connection.runScript(
        """
        BEGIN;
        UPDATE shard SET owner = NULL;
        DELETE FROM writer;
        DELETE FROM node;
        INSERT INTO node (id, expires_at, name, schema_version)
        VALUES ('\(node)', clock_timestamp() + interval '\(seconds) seconds', 'n', 8);
        INSERT INTO writer VALUES ('\(node)', 0), ('\(node)', 1);
        UPDATE shard SET owner = '\(node)', epoch = 41;
        COMMIT;
        """, timeout: .seconds(10))
    }

    /// A migrated database without any node.
    private func migrated() async throws -> (String, Connection) {
      let database = try await database()
      let test = try TestStorage(database: database)
      try await test.grants()
      test.storage.stop()
      return (database, try test.connect())
    }

    @Test("The first node owns every shard under epoch 1, and is trusted for lease minus margin")
    func first() async throws {
      let before = LocalClock.uptime()
      let test = try TestStorage(database: try await database())
      defer { test.storage.stop() }
      let until = try await test.inbox.next("renewal") {
        if case .leaseRenewed(let until) = $0 { until } else { nil }
      }
      let grants = try await test.grants()
      #expect(grants.map(\.shard.number).sorted() == Array(0..<8))
      #expect(grants.allSatisfy { $0.epoch == 1 })
      #expect(until >= before + 9_000_000)
      #expect(until <= LocalClock.uptime() + 9_000_000)
      #expect(test.storage.status.isAvailable)
      #expect(test.storage.status.shards == 8)
      #expect(abs(test.storage.clockOffset) < 500_000)
    }

    @Test("The lease is renewed by the database's clock before a third of it has passed twice")
    func renewal() async throws {
      let test = try await TestStorage.owner { $0.leaseDuration = .seconds(1) }
      defer { test.storage.stop() }
      let connection = try test.connect()
      let first: SQLTimestamp = try connection.scalar("SELECT expires_at FROM node")
      for _ in 1...3 {
        _ = try await test.inbox.next("renewal") {
          if case .leaseRenewed(let until) = $0 { until } else { nil }
        }
      }
      let later: SQLTimestamp = try connection.scalar("SELECT expires_at FROM node")
      #expect(later > first)
      #expect(
        try connection.scalar("SELECT expires_at > clock_timestamp() FROM node", as: Bool.self))
    }

    @Test("On stop the lease is released: the next owner need not wait for its end")
    func release() async throws {
      let database = try await database()
      let first = try TestStorage(database: database) { $0.leaseDuration = .seconds(600) }
      try await first.grants()
      first.storage.stop()
      let second = try TestStorage(database: database) { $0.leaseDuration = .seconds(600) }
      defer { second.storage.stop() }
      let grants = try await second.grants()
      #expect(grants.count == 8 && grants.allSatisfy { $0.epoch == 2 })
      #expect(try second.connect().scalar("SELECT count(*) FROM node", as: Int64.self) == 1)
    }

    @Test("After stop every effect is answered with a failure")
    func stopped() async throws {
      let test = try await TestStorage.owner()
      test.storage.stop()
      var machine = TestMachine("m")
      #expect(try await test.commit([machine.start()]) == .fenced)
      #expect(try await test.load(machine) == .failure(.unavailable))
      #expect(try await test.list() == .failure(.unavailable))
      await #expect(throws: ProgressorError.storageUnavailable) {
        try await test.storage.listNamespaces()
      }
    }

    @Test("A node whose lease is over is taken over with greater epochs, a living one is not")
    func takeover() async throws {
      let (database, connection) = try await migrated()
      let dead = SQLUUID.random()
      try leaveBehind(dead, expiresIn: 2, on: connection)
      let test = try TestStorage(database: database) { $0.leaseDuration = .seconds(3) }
      defer { test.storage.stop() }
      let grants = try await test.grants()
      #expect(
        try connection.scalar("SELECT count(*) FROM node WHERE id = '\(dead)'", as: Int64.self) == 0
      )
      #expect(grants.count == 8 && grants.allSatisfy { $0.epoch == 42 })
      #expect(
        !test.inbox.rest.contains { if case .shardsLost = $0 { true } else { false } })
    }

    @Test("Of two standbys one gets the shards of a dead node, each once")
    func twoStandbys() async throws {
      let (database, connection) = try await migrated()
      try leaveBehind(SQLUUID.random(), expiresIn: 1, on: connection)
      let inbox = Inbox()
      let standbys = try (0..<2).map { _ in
        try TestStorage(database: database, inbox: inbox) { $0.leaseDuration = .seconds(5) }
      }
      defer { for standby in standbys { standby.storage.stop() } }
      var shards: [Int32] = []
      while shards.count < 8 {
        shards += try await standbys[0].grants().map(\.shard.number)
      }
      #expect(shards.sorted() == Array(0..<8))
      #expect(standbys.map { $0.storage.status.shards }.reduce(0, +) == 8)
      #expect(
        try connection.scalar("SELECT count(DISTINCT owner) FROM shard", as: Int64.self) == 1)
    }

    @Test("A dead owner that is frozen in mid-pipeline is ended, and writes nothing afterwards")
    func frozenOwner() async throws {
      let (database, connection) = try await migrated()
      let dead = SQLUUID.random()
      try leaveBehind(dead, expiresIn: 1, on: connection)
      let settings = try TestStorage.settings(
        database, name: "progressor/\(dead)/writer/0/")
      let frozen = try Connection.open(settings)
      var pipeline = Pipeline()
      pipeline.append(sql: "BEGIN")
      pipeline.append(sql: "SELECT fence('\(dead)', 0, 1)")
      pipeline.append(sql: "INSERT INTO event VALUES (0, 1, 1, now(), 0, 'late')")
      _ = try frozen.run(pipeline, timeout: .seconds(10))

      let test = try TestStorage(database: database) { $0.leaseDuration = .seconds(5) }
      defer { test.storage.stop() }
      #expect(try await test.grants().count == 8)
      let error = #expect(throws: PostgreSQLError.self) {
        try frozen.query("COMMIT", timeout: .seconds(10))
      }
      #expect(error?.scope == .connectionLost)
      // The new owner may use the same event id: nothing of the old batch is in its way.
      var machine = TestMachine("m")
      #expect(try await test.commit([machine.start(events: ["a"])]) == .committed)
    }

    @Test("An exclusive node takes over at once, however long the lease of another still runs")
    func exclusive() async throws {
      let (database, connection) = try await migrated()
      try leaveBehind(SQLUUID.random(), expiresIn: 3_600, on: connection)
      let test = try TestStorage(database: database) { $0.isExclusive = true }
      defer { test.storage.stop() }
      #expect(try await test.grants().count == 8)
    }

    @Test(
      "A node that was taken over loses all its shards, and begins anew when that is acknowledged")
    func takenOver() async throws {
      let database = try await database()
      let test = try TestStorage(database: database) { $0.leaseDuration = .seconds(2) }
      defer { test.storage.stop() }
      try await test.grants()
      let connection = try test.connect()
      let node: SQLUUID = try connection.scalar("SELECT id FROM node")
      let other = SQLUUID.random()
      try connection.runScript(
        """
        BEGIN;
        INSERT INTO node (id, expires_at, name, schema_version)
        VALUES ('\(other)', clock_timestamp() + interval '1 hour', 'other', 8);
        UPDATE node SET expires_at = '-infinity' WHERE id = '\(node)';
        SELECT take_over('\(other)', '\(node)', false);
        COMMIT;
        """, timeout: .seconds(10))
      #expect(try await test.lost().map(\.number) == Array(0..<8))
      #expect(!test.storage.status.isAvailable)
      try connection.runScript(
        "SELECT release_lease('\(other)')", timeout: .seconds(10))
      // Without the acknowledgement nobody registers.
      try connection.waitUntil("pg_sleep(0.5) IS NOT NULL")
      #expect(try connection.scalar("SELECT count(*) FROM node", as: Int64.self) == 0)
      test.storage.acknowledgeLoss()
      let grants = try await test.grants()
      #expect(grants.count == 8 && grants.allSatisfy { $0.epoch == 3 })
      #expect(try connection.scalar("SELECT id <> '\(node)' FROM node", as: Bool.self))
    }

    @Test("When the database's clock jumps ahead, a lone node keeps its shards")
    func clockJump() async throws {
      let test = try await TestStorage.owner { $0.leaseDuration = .seconds(2) }
      defer { test.storage.stop() }
      // The same as a jump of the clock: the lease is over, and nobody has taken it.
      try test.connect().runScript(
        "UPDATE node SET expires_at = clock_timestamp() - interval '1 hour'",
        timeout: .seconds(10))
      var machine = TestMachine("m")
      #expect(try await test.commit([machine.start()]) == .committed)
      try test.connect().waitUntil("(SELECT expires_at > clock_timestamp() FROM node)")
      #expect(try await test.commit([machine.step(["a"])]) == .committed)
    }

    /// Waits for renewals until the lease would have ended without them.
    private func outlast(_ lease: Duration, _ test: TestStorage) async throws {
      let end = LocalClock.uptime() + 2 * lease.microseconds
      while true {
        let until = try await test.inbox.next("renewal") {
          if case .leaseRenewed(let until) = $0 { until } else { nil }
        }
        if until > end { return }
      }
    }

    private func expectNoLoss(_ test: TestStorage) {
      #expect(!test.inbox.rest.contains { if case .shardsLost = $0 { true } else { false } })
    }

    @Test("A node whose commits are stuck while the database answers gives its lease up")
    func grayFailure() async throws {
      let test = try await TestStorage.owner { $0.leaseDuration = .seconds(2) }
      defer { test.storage.stop() }
      var machine = TestMachine("m")
      _ = try await test.commit([machine.start()])
      // The session of the writer reads nothing any more, as when the way to it is cut.
      let backend: Int32 = try test.connect().scalar(
        "SELECT pid FROM pg_stat_activity WHERE application_name LIKE '%/writer/0/'"
          + " AND datname = current_database()")
      kill(backend, SIGSTOP)
      let id = test.submit([machine.step(["a"])])
      #expect(try await test.lost().count == 8)
      kill(backend, SIGCONT)
      _ = try await test.outcome(of: id)
      test.storage.acknowledgeLoss()
      #expect(try await test.grants().allSatisfy { $0.epoch == 2 })
    }

    @Test(
      "So does one whose other questions are refused meanwhile",
      arguments: [
        [
          "REVOKE SELECT ON pg_stat_activity FROM PUBLIC",
          "GRANT SELECT ON pg_stat_activity TO PUBLIC",
        ],
        [
          """
          CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END';
          CREATE TRIGGER no BEFORE UPDATE ON progressor.shard EXECUTE FUNCTION no();
          """, "DROP TRIGGER no ON progressor.shard",
        ],
      ])
    func refusedQuestions(sabotage: [String]) async throws {
      let role = try await TestRole()
      try role.mayCreate()
      let test = try TestStorage(database: role.database) { $0.leaseDuration = .seconds(2) }
      defer { test.storage.stop() }
      try await test.grants()
      var machine = TestMachine("m")
      _ = try await test.commit([machine.start()])
      let backend: Int32 = try test.connect().scalar(
        "SELECT pid FROM pg_stat_activity WHERE application_name LIKE '%/writer/0/'"
          + " AND datname = current_database()")
      try role.run(sabotage[0])
      kill(backend, SIGSTOP)
      defer { kill(backend, SIGCONT) }
      let id = test.submit([machine.step(["a"])])
      #expect(try await test.lost().count == 8)
      kill(backend, SIGCONT)
      _ = try await test.outcome(of: id)
      try role.run(sabotage[1])
      test.storage.acknowledgeLoss()
      #expect(try await test.grants().count == 8)
    }

    @Test("A node that nobody can take over keeps its lease when its commits are stuck")
    func stuckAlone() async throws {
      let lease = Duration.seconds(2)
      let test = try await TestStorage.owner {
        $0.leaseDuration = lease
        $0.isExclusive = true
      }
      defer { test.storage.stop() }
      var machine = TestMachine("m")
      _ = try await test.commit([machine.start()])
      let backend: Int32 = try test.connect().scalar(
        "SELECT pid FROM pg_stat_activity WHERE application_name LIKE '%/writer/0/'"
          + " AND datname = current_database()")
      kill(backend, SIGSTOP)
      let id = test.submit([machine.step(["a"])])
      try await outlast(lease, test)
      kill(backend, SIGCONT)
      #expect(try await test.outcome(of: id) == .committed)
      expectNoLoss(test)
    }

    @Test("A commit that takes longer than the lease keeps the lease, and is told as what it is")
    func slowCommit() async throws {
      let lease = Duration.seconds(2)
      let test = try await TestStorage.owner { $0.leaseDuration = lease }
      defer { test.storage.stop() }
      let connection = try test.connect()
      try connection.runScript(
        """
        CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_sleep(5); RETURN NULL; END $$;
        CREATE TRIGGER slow AFTER INSERT ON event EXECUTE FUNCTION slow();
        """, timeout: .seconds(10))
      var machine = TestMachine("m")
      let id = test.submit([machine.start(events: ["a"])])
      try await outlast(lease, test)
      #expect(try await test.outcome(of: id) == .committed)
      expectNoLoss(test)
      #expect(!test.inbox.rest.contains { if case .commitDelayed = $0 { true } else { false } })
      #expect(bodies(try await test.load(machine, history: .all).get().history) == ["a"])
      try connection.runScript("DROP TRIGGER slow ON event", timeout: .seconds(10))
      #expect(try await test.commit([machine.step(["b"])]) == .committed)
    }

    @Test("A table that somebody has locked costs no lease: the batch is kept until it is free")
    func lockedTable() async throws {
      let lease = Duration.seconds(2)
      let test = try await TestStorage.owner { $0.leaseDuration = lease }
      defer { test.storage.stop() }
      let connection = try test.connect()
      var pipeline = Pipeline()
      pipeline.append(sql: "BEGIN")
      pipeline.append(sql: "LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
      _ = try connection.run(pipeline, timeout: .seconds(10))
      var (one, two) = (TestMachine("one", key: 1), TestMachine("two", key: 2))
      let id = test.submit([one.start(events: ["a"]), two.start(events: ["b"])])
      try await test.inbox.next("delay") { if case .commitDelayed(id) = $0 { () } else { nil } }
      try await outlast(lease, test)
      _ = try connection.query("ROLLBACK", timeout: .seconds(10))
      #expect(try await test.outcome(of: id) == .committed)
      expectNoLoss(test)
    }

    @Test("An owner without a lease cannot be: the database refuses it")
    func foreignKey() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      for sql in [
        "UPDATE shard SET owner = gen_random_uuid()",
        "WITH gone AS (DELETE FROM writer) DELETE FROM node",
      ] {
        let error = #expect(throws: PostgreSQLError.self) {
          try connection.query(sql, timeout: .seconds(10))
        }
        #expect(error?.sqlState?.code == "23503")
      }
    }
  }
}
