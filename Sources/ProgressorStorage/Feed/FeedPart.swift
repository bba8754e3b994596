public import MachineModel

/// What there is of one shard.
public struct FeedPart: Sendable, Hashable {
  /// The shard.
  public var shard: ShardID
  /// The number of its newest entry; 0 = there was none yet.
  public var newest: Int64
  /// The newest entry that is gone of those namespaces; 0 = none is.
  public var gone: Int64
  /// In their order.
  public var entries: [FeedEntry] = []
  /// There is no more than this, up to `newest`.
  public var isWhole = false
  /// The entry that follows and is none of `entries`; nil = none was left out.
  public var omission: FeedOmission?

  public init(shard: ShardID, newest: Int64, gone: Int64) {
    self.shard = shard
    self.newest = newest
    self.gone = gone
  }
}

/// An entry that a page leaves out, and with it what follows it in its shard.
public struct FeedOmission: Sendable, Hashable {
  /// Why it is left out.
  public enum Cause: Sendable, Hashable {
    /// It is larger than the page wants them.
    case large(bytes: Int64)
    /// Nobody can read it, and why.
    case damaged(String)
    /// A later version wrote it, which can read it, and what of it is new.
    case later(String)
  }

  /// Its number.
  public var sequence: Int64
  /// What it is about.
  public var machine: MachineID
  /// What happened; nil = something that a later version knows.
  public var kind: FeedKind?
  /// Why it is left out.
  public var cause: Cause

  public init(sequence: Int64, machine: MachineID, kind: FeedKind?, cause: Cause) {
    self.sequence = sequence
    self.machine = machine
    self.kind = kind
    self.cause = cause
  }
}
