import MachineModel

/// What has arrived and is to be acknowledged: at once after a while without, a few times a second
/// while there is more and more. A value: it has no clock.
struct SinkReceipts {
  private var cursors: [ShardID: Int64] = [:]
  private var last: ContinuousClock.Instant

  /// Between two acknowledgements.
  static let interval: Duration = .milliseconds(200)

  init(at now: ContinuousClock.Instant) { last = now - Self.interval }

  mutating func add(_ more: [FeedCursor]) {
    // Where nothing was yet, it goes on at the oldest entry that there will be.
    for cursor in more where cursor.sequence > 0 { cursors[cursor.shard] = cursor.sequence }
  }

  /// When it is time; nil = there is nothing to acknowledge.
  var dueAt: ContinuousClock.Instant? {
    cursors.isEmpty ? nil : last + Self.interval
  }

  func isDue(at now: ContinuousClock.Instant) -> Bool {
    guard let dueAt else { return false }
    return dueAt <= now
  }

  /// All of it, by shard.
  mutating func take(at now: ContinuousClock.Instant) -> [FeedCursor] {
    defer { cursors = [:] }
    if cursors.isEmpty { return [] }
    last = now
    return cursors.map { FeedCursor(shard: $0.key, sequence: $0.value) }
      .sorted { $0.shard < $1.shard }
  }
}
