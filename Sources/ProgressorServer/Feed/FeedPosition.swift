import DequeModule
import MachineModel
import ProgressorStorage

/// How far one subscriber has come, and what is to be read for it next. A value: what there is, who
/// else shares the shards, and what was sent, others say.
struct FeedPosition {
  private struct Place {
    /// Behind which entry it is read.
    var cursor: Int64
    /// What was gone when it began at the oldest entry: that is no reason to complain.
    var beginning: Int64
    /// The number that the subscriber was told last, by an entry or a progress; nil = none yet.
    var told: Int64?
    /// It is in `waiting`.
    var waits = false
    /// Nothing is read of it for a while.
    var isHeld = false
  }

  /// Of the shards that it has.
  private var places: [ShardID: Place] = [:]
  /// Where there may be more, the longest first.
  private var waiting: Deque<ShardID> = []
  /// Everything that there was at first has been read.
  private(set) var hasCaughtUp = false

  /// Shards of one page at most.
  static let pageShards = 32

  /// Nothing that was there waits to be read.
  var isAtEnd: Bool { waiting.isEmpty }

  /// Takes a shard up, unless it is there already.
  ///
  /// - Parameters:
  ///   - cursor: Where it begins; nil = at the oldest entry.
  ///   - gone: Up to which number something is gone.
  mutating func begin(_ shard: ShardID, at cursor: Int64?, gone: Int64) {
    if places[shard] != nil { return }
    places[shard] = Place(cursor: cursor ?? 0, beginning: cursor == nil ? gone : 0)
    mark(shard)
  }

  /// Has only those shards from now on, of those that it had.
  mutating func keep(where isKept: (ShardID) -> Bool) {
    places = places.filter { isKept($0.key) }
    waiting.removeAll { !isKept($0) }
  }

  func has(_ shard: ShardID) -> Bool { places[shard] != nil }

  /// There may be something new.
  mutating func mark(_ shard: ShardID) {
    guard let place = places[shard], !place.waits, !place.isHeld else { return }
    places[shard]?.waits = true
    waiting.append(shard)
  }

  /// Nothing is read of the shard until `release`.
  mutating func hold(_ shard: ShardID) {
    guard places[shard] != nil else { return }
    places[shard]?.isHeld = true
    places[shard]?.waits = false
    waiting.removeAll { $0 == shard }
  }

  /// What was held may have something new.
  mutating func release() {
    for (shard, place) in places where place.isHeld {
      places[shard]?.isHeld = false
      mark(shard)
    }
  }

  /// Behind what is to be read next; empty = nothing is.
  mutating func next() -> [FeedCursor] {
    var cursors: [FeedCursor] = []
    while cursors.count < Self.pageShards, let shard = waiting.popFirst() {
      guard let place = places[shard] else { continue }
      places[shard]?.waits = false
      cursors.append(FeedCursor(shard: shard, sequence: place.cursor))
    }
    return cursors
  }

  /// What was read of a shard. Answers the entries that follow; those of a shard that it has no
  /// more are nobody's. Throws CURSOR_TOO_OLD and CURSOR_AHEAD.
  mutating func read(_ part: FeedPart) throws(ProgressorError) -> [FeedEntry] {
    guard let place = places[part.shard] else { return [] }
    if place.cursor > part.newest { throw .cursorAhead(part.shard, newest: part.newest) }
    if part.gone > max(place.cursor, place.beginning) {
      throw .cursorTooOld(part.shard, oldest: part.gone)
    }
    if !part.isWhole { mark(part.shard) }
    // It was read behind another place than it is at now.
    return part.entries.filter { $0.sequence > place.cursor }
  }

  /// All entries of what was read are dealt with: if there were no more, nothing follows up to the
  /// newest one either, whosever that is.
  mutating func finished(_ part: FeedPart) {
    guard part.isWhole, let place = places[part.shard] else { return }
    places[part.shard]?.cursor = max(place.cursor, part.newest)
  }

  /// The entry is dealt with: it was sent, or is none that the subscriber wants.
  mutating func passed(_ entry: FeedEntry, isTold: Bool) {
    guard let place = places[entry.shard], entry.sequence > place.cursor else { return }
    places[entry.shard]?.cursor = entry.sequence
    if isTold { places[entry.shard]?.told = entry.sequence }
  }

  /// That entries up to this number are gone is no reason to complain. What is kept below it, such
  /// as other namespaces', is read all the same.
  mutating func forgive(_ shard: ShardID, upTo gone: Int64) {
    guard let place = places[shard] else { return }
    places[shard]?.beginning = max(place.beginning, gone)
  }

  /// Entries up to this number are nothing to wait for: nobody can read the last of them.
  mutating func skip(_ shard: ShardID, to sequence: Int64) {
    guard let place = places[shard] else { return }
    places[shard]?.cursor = max(place.cursor, sequence)
    mark(shard)
  }

  /// Where it is read next; nil = it has no such shard.
  func cursor(of shard: ShardID) -> FeedCursor? {
    places[shard].map { FeedCursor(shard: shard, sequence: $0.cursor) }
  }

  /// Where it has come to in the shards of which it was told something else.
  mutating func progress() -> [FeedCursor] {
    if isAtEnd { hasCaughtUp = true }
    var moved: [FeedCursor] = []
    for (shard, place) in places where place.told != place.cursor {
      moved.append(FeedCursor(shard: shard, sequence: place.cursor))
      places[shard]?.told = place.cursor
    }
    return moved.sorted { $0.shard < $1.shard }
  }
}
