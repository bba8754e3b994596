import MachineModel
import PostgreSQL
import ProgressorEngine

@testable import ProgressorStorage

/// Entries of the feed as tests write and read them.
extension TestMachine {
  /// A machine of any namespace. Its entries name it; nothing else is written of it.
  init(_ id: String, in namespace: String, shard: Int32 = 0) {
    self.init(id, shard: shard)
    machine = MachineID(namespace: namespace, id: id)
  }

  /// A record that tells this, in this order, and writes nothing else.
  func tells(_ changes: FeedChange..., at time: Timestamp = .lately) -> CommitRecord {
    var record = record()
    record.feed = changes.map { FeedNote($0, at: time) }
    return record
  }

  /// The record of a step that tells of its events.
  mutating func tellingStep(_ bodies: [String]) -> CommitRecord {
    var record = step(bodies)
    record.feed = record.events.map { FeedNote(.event($0), at: .lately) }
    return record
  }
}

extension Timestamp {
  /// Now: what is kept for days is kept.
  static var lately: Timestamp { Timestamp(microseconds: LocalClock.wall()) }
}

extension FeedChange {
  /// An event that says so much.
  static func event(bytes count: Int, id: Int64 = 1) -> FeedChange {
    .event(
      Event(
        id: id, createdAt: TestMachine.start,
        body: Content(formatVersion: 7, data: [UInt8](repeating: 9, count: count))))
  }
}

extension FeedCursor {
  init(_ shard: Int32, _ sequence: Int64) {
    self.init(shard: ShardID(shard), sequence: sequence)
  }
}

extension TestStorage {
  /// What a shard has behind an entry, in one page.
  func part(
    _ shard: Int32 = 0, after sequence: Int64 = 0, namespaces: [String] = []
  ) async throws -> FeedPart {
    let query = FeedQuery(
      cursors: [FeedCursor(shard, sequence)], namespaces: namespaces, entries: 100_000,
      bytes: 1 << 30, largest: 1 << 30)
    let parts = try await storage.readFeed(query)
    guard parts.count == 1 else { throw Inbox.Missing(description: "\(parts.count) parts") }
    return parts[0]
  }

  /// The numbers of all entries of a shard.
  func sequences(_ shard: Int32 = 0) async throws -> [Int64] {
    try await part(shard).entries.map(\.sequence)
  }

  /// The numbers of the newest entries of the first shards.
  func heads(_ shards: Int) async throws -> [Int64] {
    try await storage.feedHeads().prefix(shards).map(\.sequence)
  }
}

extension Connection {
  /// Puts entries past any writer, each of so many bytes, and the newest one of this age.
  func fillFeed(
    shard: Int32 = 0, from first: Int64 = 1, count: Int64, namespace: String = "orders",
    bytes: Int64 = 1_000, age: String = "0"
  ) throws {
    try runScript(
      """
      INSERT INTO feed (shard, sequence, namespace, machine_id, kind, created_at, volume)
      SELECT \(shard), \(first) - 1 + n, '\(namespace)', 'm' || n, 1,
        now() - interval '\(age)' - (\(count) - n) * interval '1 ms', n * \(bytes)
      FROM generate_series(1, \(count)) AS n
      """, timeout: .seconds(60))
  }

  func script(_ sql: String) throws { try runScript(sql, timeout: .seconds(30)) }
}
