/// What happened to a machine, for those who follow along.
public enum FeedChange: Sendable, Hashable {
  /// It was started, or imported.
  case created
  /// An event was appended. Without ``FeedOptions/hasBodies`` its body has no data.
  case event(Event)
  /// It failed; nil = it works again.
  case statusChanged(Failure?)
  /// It is gone.
  case removed

  /// Its kind.
  public var kind: FeedKind {
    switch self {
    case .created: .created
    case .event: .event
    case .statusChanged: .statusChanged
    case .removed: .removed
    }
  }
}

/// The kinds of changes. The contract's `ChangeKind`.
public enum FeedKind: Int32, Sendable, Hashable, CaseIterable {
  case created = 1
  case event = 2
  case statusChanged = 3
  case removed = 4
}

/// An entry of the feed as it is to be written. Its number it gets when it is.
public struct FeedNote: Sendable, Hashable {
  /// What happened.
  public var change: FeedChange
  /// When, by the clock that stamps events.
  public var createdAt: Timestamp

  public init(_ change: FeedChange, at createdAt: Timestamp) {
    self.change = change
    self.createdAt = createdAt
  }

  /// About how many bytes it takes.
  public var bytes: Int {
    switch change {
    case .created, .removed, .statusChanged(nil): 128
    case .event(let event): 128 + event.body.data.count
    case .statusChanged(let failure?): 192 + failure.reason.utf8.count
    }
  }
}

/// An entry of the feed.
public struct FeedEntry: Sendable, Hashable {
  /// The shard of the machine.
  public var shard: ShardID
  /// Its number in the shard: 1, 2, … in the order of the commits, without a gap (I9).
  public var sequence: Int64
  /// The machine.
  public var machine: MachineID
  /// What happened to it, and when.
  public var note: FeedNote

  public init(shard: ShardID, sequence: Int64, machine: MachineID, note: FeedNote) {
    self.shard = shard
    self.sequence = sequence
    self.machine = machine
    self.note = note
  }
}
