/// How far somebody has come in one shard of the feed. The contract's `Cursor`.
public struct FeedCursor: Sendable, Hashable {
  /// The shard.
  public var shard: ShardID
  /// The number of the last entry seen, 0 = none.
  public var sequence: Int64

  public init(shard: ShardID, sequence: Int64) {
    self.shard = shard
    self.sequence = sequence
  }
}

/// Where to begin in shards without a cursor. The contract's `StartPosition`.
public enum FeedStart: Int32, Sendable, Hashable, CaseIterable {
  /// At the oldest entry that is kept.
  case oldest = 1
  /// Behind the newest entry.
  case now = 2
}

/// Where a consumer is to go on.
public enum FeedReset: Sendable, Hashable {
  /// There in all shards.
  case start(FeedStart)
  /// There in these shards; in the others it stays where it is.
  case cursors([FeedCursor])
}

/// A subscriber that goes on where it had got to, by name. The contract's `Consumer`.
public struct FeedConsumer: Sendable, Hashable {
  /// The name.
  public var name: String
  /// When it subscribed first.
  public var createdAt: Timestamp
  /// What it has acknowledged, one per shard at most.
  public var cursors: [FeedCursor]
  /// How many share its shards at present.
  public var subscribers: Int32
  /// Entries behind its cursors, the ones that it leaves out included.
  public var lag: Int64
  /// When something was acknowledged last; nil = nothing yet.
  public var acknowledgedAt: Timestamp?

  public init(
    name: String, createdAt: Timestamp, cursors: [FeedCursor] = [], subscribers: Int32 = 0,
    lag: Int64 = 0, acknowledgedAt: Timestamp? = nil
  ) {
    self.name = name
    self.createdAt = createdAt
    self.cursors = cursors
    self.subscribers = subscribers
    self.lag = lag
    self.acknowledgedAt = acknowledgedAt
  }
}

/// What a subscriber wants of the feed. The contract's `SubscribeRequest`.
public struct FeedSubscription: Sendable, Hashable {
  /// Only entries of these namespaces; empty = of all.
  public var namespaces: [String]
  /// Where to go on, one per shard at most.
  public var cursors: [FeedCursor]
  /// Where to begin in the other shards; nil = at the oldest entry.
  public var start: FeedStart?
  /// The name under which it is remembered what was acknowledged; empty = nothing is.
  public var consumer: String
  /// Only entries of these kinds; empty = of all.
  public var kinds: Set<FeedKind>

  /// The most entries of `namespaces`.
  public static let maximumNamespaces = 100

  public init(
    namespaces: [String] = [], cursors: [FeedCursor] = [], start: FeedStart? = nil,
    consumer: String = "", kinds: Set<FeedKind> = []
  ) {
    self.namespaces = namespaces
    self.cursors = cursors
    self.start = start
    self.consumer = consumer
    self.kinds = kinds
  }
}
