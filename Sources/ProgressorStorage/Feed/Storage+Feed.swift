public import MachineModel
import PostgreSQL

// The feed, and who follows it. Any node can tell. All throw STORAGE_UNAVAILABLE when the database
// does not answer in time.

extension Storage {
  /// Of a statement.
  static let feedStatementTimeout: Duration = .seconds(5)
  /// That wait at once, on each of both sessions.
  static let maximumFeedReads = 4_000
  /// Microseconds after which a subscriber that was not seen is gone.
  public static let feedSubscriberTimeout: Int64 = 1_500_000

  /// Has `body` called with the shards that have new entries, each time something was committed
  /// here. From several threads; it must not block.
  public func followFeed(_ body: (@Sendable ([ShardID]) -> Void)?) {
    progress.feed.follow(body)
  }

  /// What follows in some shards, in the order of the query; one for which there was no room is
  /// left out.
  public func readFeed(_ query: FeedQuery) async throws(ProgressorError) -> [FeedPart] {
    let timeout = feedReader.timeout
    return try await feedReader.perform { connection throws(PostgreSQLError) in
      try query.read(on: connection, timeout: timeout)
    }
  }

  /// The number of the newest entry of each shard; 0 = there was none yet.
  public func feedHeads() async throws(ProgressorError) -> [FeedCursor] {
    let timeout = feedConsumers.timeout
    return try await feedConsumers.perform { connection throws(PostgreSQLError) in
      try connection.run(Statements.feedHeads, timeout: timeout)
        .map { (row) throws(PostgreSQLError) in
          FeedCursor(shard: ShardID(try row.value(0)), sequence: try row.value(1))
        }
    }
  }

  /// Up to which entries something is gone, by shard: of whatever namespace.
  public func feedBeginnings(
    ofNamespaces namespaces: [String]
  ) async throws(ProgressorError) -> [FeedCursor] {
    let timeout = feedConsumers.timeout
    return try await feedConsumers.perform { connection throws(PostgreSQLError) in
      try connection.run(
        Statements.feedBeginnings, .with { $0.appendArray(namespaces) }, timeout: timeout
      ).map { (row) throws(PostgreSQLError) in
        FeedCursor(shard: ShardID(try row.value(0)), sequence: try row.value(1))
      }
    }
  }
}
