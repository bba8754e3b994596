import MachineModel
import PostgreSQL
import ProgressorEngine
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Plans of the feed")
  struct PlannedFeedTests {
    private static let statements: [(Statement, indexes: [String])] = [
      (FeedInserts.statement, ["feed_pkey", "feed_by_namespace", "feed_trimmed_pkey"]),
      (Statements.trimFeed, ["shard_by_owner", "feed_by_namespace"]),
      (Statements.feedReadAny, ["feed_pkey", "feed_trimmed_pkey"]),
      (Statements.feedReadSome, ["feed_pkey", "feed_by_namespace", "feed_trimmed_pkey"]),
      (Statements.feedHeads, ["feed_pkey", "feed_trimmed_pkey"]),
      (Statements.feedAcknowledge, ["feed_pkey", "feed_trimmed_pkey"]),
      (Statements.feedConsumers, ["feed_pkey", "feed_cursor_by_consumer"]),
      (Statements.feedConsumerState, ["feed_consumer_pkey", "feed_cursor_by_consumer"]),
      (Statements.feedBeat, ["feed_subscriber_pkey"]),
    ]

    @Test("The feed is never read as a whole, on an empty database and on a filled one")
    func indexes() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      try expectPlans(connection)
      for shard in Int32(0)..<8 {
        for part in Int64(0)..<4 {
          try connection.fillFeed(
            shard: shard, from: part * 1_000 + 1, count: 1_000, namespace: "n\(part)")
        }
      }
      try connection.script(
        """
        INSERT INTO feed_trimmed SELECT n % 8, 'n' || n, n FROM generate_series(1, 500) AS n;
        INSERT INTO feed_consumer (name) SELECT 'c' || n FROM generate_series(1, 500) AS n;
        INSERT INTO feed_cursor SELECT n % 8, 'c' || n % 500, n FROM generate_series(1, 999) AS n
        ON CONFLICT DO NOTHING;
        INSERT INTO feed_subscriber
        SELECT 'c' || n % 500, gen_random_uuid(), now(), now() FROM generate_series(1, 999) AS n;
        INSERT INTO namespace (name, endpoint)
        SELECT 'n' || n, 'h:1' FROM generate_series(1, 300) AS n;
        ANALYZE;
        """)
      try expectPlans(connection)
    }

    private func expectPlans(_ connection: Connection) throws {
      for (statement, indexes) in Self.statements {
        // Not every variant says of which type each parameter is.
        let types =
          statement.name.hasPrefix("feed_read")
          ? "(int[], int8[], text[], int[], int8, int8, int8)" : ""
        let plan = try connection.plan(of: statement, types: types)
        let lines = plan.split(separator: "\n")
        for index in indexes {
          #expect(plan.contains(" \(index) "), "\(statement.name) without \(index):\n\(plan)")
        }
        let scans = lines.filter { $0.contains("Seq Scan on feed") }
        #expect(scans.isEmpty, "\(statement.name) reads a whole table:\n\(plan)")
        // What names a namespace finds it in the index: as a filter it would read what others have,
        // which is little only of what is gone.
        let filters = lines.filter { line in
          line.contains("  Filter: ") && line.contains("namespace = ") && !line.contains("= ANY")
        }
        #expect(filters.isEmpty, "\(statement.name) looks at other namespaces:\n\(plan)")
        // An entry's number is found at the end of its index.
        let sorts = lines.filter { $0.contains("Sort Key: feed") }
        #expect(
          sorts.count == (statement.name == "feed_read_some" ? 1 : 0),
          "\(statement.name) sorts:\n\(plan)")
      }
    }
  }
}
