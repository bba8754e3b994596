import EmbeddedPostgreSQL
import MachineModel
import PostgreSQL
import ProgressorEngine
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("What the feed keeps")
  struct TrimmedFeedTests {
    /// One whose writers look all the time.
    private static func owner() async throws -> TestStorage {
      try await TestStorage.owner { $0.sweepInterval = .milliseconds(20) }
    }

    private func trimmed(_ connection: Connection) throws -> [String] {
      try connection.query(
        "SELECT shard || ' ' || namespace || ' ' || sequence FROM feed_trimmed ORDER BY 1",
        timeout: .seconds(10)
      ).map { try $0.value(0) }
    }

    @Test("What is older than its namespace keeps it goes, in pieces, and is noted to be gone")
    func retention() async throws {
      let test = try await Self.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      try connection.script(
        """
        CREATE TABLE piece (rows bigint);
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO piece SELECT count(*) FROM gone; RETURN NULL; END $$;
        CREATE TRIGGER note AFTER DELETE ON feed REFERENCING OLD TABLE AS gone
        EXECUTE FUNCTION note();
        UPDATE namespace SET feed_retention = 3600 * 1000000::bigint;
        """)
      // In both writers' shards; of the third there is nothing that is old.
      try connection.fillFeed(shard: 0, count: 2_500, age: "61 min")
      try connection.fillFeed(shard: 0, from: 2_501, count: 10, age: "59 min")
      try connection.fillFeed(shard: 1, count: 40, age: "61 min")
      try connection.fillFeed(shard: 2, count: 5, age: "59 min")
      try connection.waitUntil("(SELECT count(*) = 15 FROM feed)")
      #expect(try await test.sequences(0) == Array(2_501...2_510))
      #expect(try trimmed(connection) == ["0 orders 2500", "1 orders 40"])
      let most = try connection.scalar("SELECT max(rows) FROM piece", as: Int64.self)
      #expect(most <= Int64(Sweep.maximumRows))
      let gone = try await test.storage.feedBeginnings(ofNamespaces: [])
      #expect(Set(gone) == [FeedCursor(0, 2_500), FeedCursor(1, 40)])
      #expect(try await test.storage.feedBeginnings(ofNamespaces: ["other"]).isEmpty)
      try await eventually("counted") { test.storage.status.swept[.feed] == 2_540 }
    }

    @Test("Another retention holds for what is there already")
    func changedRetention() async throws {
      let test = try await Self.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      // Beyond the default, kept as long as the calendar goes.
      var namespace = Namespace(
        name: "orders", processor: ProcessorOptions(endpoint: "h:1"),
        feed: FeedOptions(isEnabled: true, retention: .max))
      _ = try await test.storage.replaceNamespace(namespace)
      try connection.fillFeed(count: 3, age: "900 days")
      try connection.fillFeed(from: 4, count: 3, age: "1 day")
      // That the writer has looked shows in what nobody keeps.
      try connection.fillFeed(from: 7, count: 1, namespace: "gone", age: "8 days")
      try connection.waitUntil("NOT EXISTS (SELECT FROM feed WHERE namespace = 'gone')")
      #expect(try await test.sequences() == [1, 2, 3, 4, 5, 6])
      namespace.feed.retention = nil
      _ = try await test.storage.replaceNamespace(namespace)
      try connection.waitUntil("(SELECT count(*) = 3 FROM feed)")
      namespace.feed.retention = 3_600_000_000
      namespace.feed.isEnabled = false
      _ = try await test.storage.replaceNamespace(namespace)
      try connection.waitUntil("NOT EXISTS (SELECT FROM feed)")
      #expect(try trimmed(connection) == ["0 gone 7", "0 orders 6"])
    }

    @Test("Of a deleted namespace entries are kept for the default of seven days")
    func deletedNamespace() async throws {
      let test = try await Self.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      let namespace = Namespace(
        name: "sales", processor: ProcessorOptions(endpoint: "h:1"),
        feed: FeedOptions(isEnabled: true, retention: 8 * 86_400_000_000))
      _ = try await test.storage.createNamespace(namespace)
      try connection.fillFeed(count: 2, namespace: "sales", age: "7 days 1 min")
      try connection.fillFeed(from: 3, count: 2, namespace: "sales", age: "6 days 23 hours")
      try await test.storage.deleteNamespace(named: "sales", now: TestMachine.start)
      try connection.waitUntil("(SELECT count(*) = 2 FROM feed)")
      #expect(try await test.part(namespaces: ["sales"]).entries.map(\.sequence) == [3, 4])
      #expect(try trimmed(connection) == ["0 sales 2"])
    }

    @Test("Beyond its bytes a namespace loses its oldest entries, of each shard the same share")
    func bytes() async throws {
      let test = try await Self.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      try connection.script("UPDATE namespace SET feed_max_bytes = 200000")
      try connection.script("BEGIN")
      try connection.fillFeed(shard: 0, count: 100)
      try connection.fillFeed(shard: 2, count: 300)
      // Another one's are nobody's trouble, though they are older and more.
      try connection.fillFeed(shard: 0, from: 101, count: 400, namespace: "other", age: "1 day")
      try connection.script("COMMIT")
      try connection.waitUntil("(SELECT count(*) <= 201 FROM feed WHERE namespace = 'orders')")
      let kept = try await test.part(0, namespaces: ["orders"]).entries.map(\.sequence)
      let rest = try await test.part(2, namespaces: ["orders"]).entries.map(\.sequence)
      #expect((49...51).contains(kept.count) && (149...152).contains(rest.count))
      #expect(kept.last == 100 && kept == Array((kept.first ?? 0)...100))
      #expect(rest.last == 300 && rest == Array((rest.first ?? 0)...300))
      #expect(try await test.part(0, namespaces: ["other"]).entries.count == 400)
    }

    @Test("What both writers' shards keep is within the bound, and what comes later stays within")
    func bytesOfBothWriters() async throws {
      let test = try await Self.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      try connection.script("UPDATE namespace SET feed_max_bytes = 50000")
      let machine = TestMachine("m")
      let other = TestMachine("n", shard: 1)
      for _ in 1...5 {
        for (slot, machine) in [machine, other].enumerated() {
          let records = (0..<20).map { machine.tells(.event(bytes: 1_000, id: $0)) }
          #expect(try await test.commit(records, slot: slot) == .committed)
        }
        // An entry more per shard: the oldest one is not counted.
        try connection.waitUntil(
          "(SELECT sum(octet_length(data) + 128) <= 53000 FROM feed)")
      }
      #expect(try await test.heads(2) == [100, 100])
      let left = try connection.scalar("SELECT count(*) FROM feed", as: Int64.self)
      #expect(left >= 40, "no more than is due")
      try connection.script("UPDATE namespace SET feed_max_bytes = 0")
      let records = (0..<100).map { machine.tells(.event(bytes: 1_000, id: $0)) }
      #expect(try await test.commit(records) == .committed)
      #expect(try await test.sequences().count >= 100)
    }

    @Test("An entry counts with its data and its failure's reason, each namespace by itself")
    func volume() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let (machine, other) = (TestMachine("m"), TestMachine("o", in: "other"))
      let failure = Failure(
        reason: "éé", failedAt: TestMachine.start, stepKind: .call, code: 1, attempts: 1)
      _ = try await test.commit([
        machine.tells(.created, .event(bytes: 1_000)), other.tells(.event(bytes: 7)),
        machine.tells(.statusChanged(failure)),
      ])
      _ = try await test.commit([other.tells(.removed), machine.tells(.event(bytes: 10))])
      let volumes = try test.connect().query(
        "SELECT volume FROM feed ORDER BY sequence", timeout: .seconds(10)
      ).map { try $0.value(0, as: Int64.self) }
      #expect(volumes == [128, 1_256, 135, 1_388, 263, 1_526])
    }

    @Test("An entry that somebody has locked is left for later, and holds up no other")
    func locked() async throws {
      let test = try await Self.owner()
      defer { test.storage.stop() }
      let (connection, holder) = (try test.connect(), try test.connect())
      try connection.fillFeed(count: 3)
      try holder.script("BEGIN; SELECT FROM feed WHERE sequence = 2 FOR UPDATE")
      try connection.script("UPDATE namespace SET feed_retention = 1")
      try connection.waitUntil("(SELECT array_agg(sequence) = '{2}' FROM feed)")
      #expect(try await test.commit([TestMachine("m").tells(.created)]) == .committed)
      try connection.waitUntil("(SELECT array_agg(sequence) = '{2}' FROM feed)")
      try holder.script("ROLLBACK")
      try connection.waitUntil("NOT EXISTS (SELECT FROM feed)")
      #expect(try trimmed(connection) == ["0 orders 4"])
    }

    @Test("Only what goes is locked and written, however much there is beside it")
    func quiet() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      for namespace in ["a", "b", "c"] {
        let first = try await test.heads(1)[0] + 1
        try connection.fillFeed(from: first, count: 2, namespace: namespace, age: "8 days")
        try connection.fillFeed(from: first + 2, count: 1_000, namespace: namespace)
      }
      let node: SQLUUID = try connection.scalar("SELECT id FROM node")
      _ = try connection.run(
        Statements.trimFeed,
        .with {
          $0.append(node)
          $0.append(Int32(0))
          $0.append(Int32(2))
          $0.append(Int32(1_000))
          $0.append(Int64(500))
        }, timeout: .seconds(10))
      #expect(try connection.scalar("SELECT count(*) = 3000 FROM feed"))
      let touched: Int64 = try connection.scalar("SELECT count(*) FROM feed WHERE xmax <> '0'")
      #expect(touched == 0)
    }
  }
}
