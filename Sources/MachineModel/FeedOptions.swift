/// Whether changes of a namespace's machines go into the feed, and for how long. The contract's
/// `FeedOptions`.
public struct FeedOptions: Sendable, Hashable {
  /// Whether changes are written from now on.
  public var isEnabled: Bool
  /// Whether events are written with what they say, and not only with their numbers.
  public var hasBodies: Bool
  /// Microseconds that an entry is kept; default 7 days.
  public var retention: Int64?
  /// About how many bytes are kept in all shards together; 0 = no bound.
  public var maxBytes: Int64

  /// Microseconds that an entry is kept, where `retention` is nil.
  public static let defaultRetention: Int64 = 7 * 24 * 3600 * 1_000_000

  public init(
    isEnabled: Bool = false, hasBodies: Bool = false, retention: Int64? = nil, maxBytes: Int64 = 0
  ) {
    self.isEnabled = isEnabled
    self.hasBodies = hasBodies
    self.retention = retention
    self.maxBytes = maxBytes
  }
}
