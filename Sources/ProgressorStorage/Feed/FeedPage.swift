public import MachineModel
import PostgreSQL

/// What a subscriber asks for: what follows in some shards.
public struct FeedQuery: Sendable, Hashable {
  /// Behind which entries.
  public var cursors: [FeedCursor]
  /// Only of these namespaces; empty = of all.
  public var namespaces: [String]
  /// Events of other kinds come without their data; empty = all come with them.
  public var kinds: Set<FeedKind>
  /// Entries of one shard at most.
  public var entries: Int32
  /// After so many bytes no further entry.
  public var bytes: Int64
  /// An entry of more bytes is left out, and what follows it in its shard.
  public var largest: Int64

  public init(
    cursors: [FeedCursor], namespaces: [String] = [], kinds: Set<FeedKind> = [],
    entries: Int32 = 64, bytes: Int64 = 64 << 10, largest: Int64 = 64 << 10
  ) {
    self.cursors = cursors
    self.namespaces = namespaces
    self.kinds = kinds
    self.entries = entries
    self.bytes = bytes
    self.largest = largest
  }
}

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
  /// The bytes of an entry that follows and was left out; nil = none was.
  public var largeEntry: Int64?
  /// An entry that follows and that nobody can read; nil = there is none.
  public var damage: Damage?

  /// What cannot be read.
  public struct Damage: Sendable, Hashable {
    /// The number of the entry.
    public var sequence: Int64
    /// Why not.
    public var problem: String
  }

  public init(shard: ShardID, newest: Int64, gone: Int64) {
    self.shard = shard
    self.newest = newest
    self.gone = gone
  }
}

extension FeedQuery {
  /// By shard, in the order of the query; a shard for which there was no room is left out.
  func read(
    on connection: Connection, timeout: Duration
  ) throws(PostgreSQLError) -> [FeedPart] {
    let parameters = Parameters.with {
      $0.appendArray(cursors) { $0.shard.number }
      $0.appendArray(cursors) { $0.sequence }
      $0.appendArray(namespaces)
      $0.appendArray(kinds) { $0.rawValue }
      $0.append(Int64(entries))
      $0.append(bytes)
      $0.append(largest)
    }
    let statement = namespaces.isEmpty ? Statements.feedReadAny : Statements.feedReadSome
    var parts: [FeedPart] = []
    for row in try connection.run(statement, parameters, timeout: timeout) {
      var reader = RowReader(row)
      let shard = ShardID(try reader.next())
      let (newest, gone): (Int64, Int64) = (try reader.next(), try reader.next())
      let (count, ordinal): (Int64, Int64) = (try reader.next(), try reader.next())
      if parts.last?.shard != shard {
        parts.append(FeedPart(shard: shard, newest: newest, gone: gone))
      }
      let last = parts.count - 1
      guard let bytes: Int64 = try reader.nextOptional() else {
        parts[last].isWhole = true
        continue
      }
      if parts[last].largeEntry != nil || parts[last].damage != nil { continue }
      if try reader.next(Bool.self) {
        parts[last].largeEntry = bytes
        continue
      }
      let head = try reader.nextFeedHead(of: shard)
      do {
        parts[last].entries.append(try reader.nextFeedEntry(head))
        parts[last].isWhole = ordinal == count && count < Int64(entries)
      } catch {
        parts[last].damage = FeedPart.Damage(sequence: head.sequence, problem: error.description)
      }
    }
    return parts
  }
}

/// What every entry has.
private struct FeedHead {
  let shard: ShardID
  let sequence: Int64
  let machine: MachineID
  let kind: FeedKind
  let createdAt: Timestamp
}

extension RowReader {
  /// A kind that is not known is a later version's, which is not damaged: no page has it.
  fileprivate mutating func nextFeedHead(of shard: ShardID) throws(PostgreSQLError) -> FeedHead {
    let sequence: Int64 = try next()
    let namespace: String = try next()
    let machine = MachineID(namespace: namespace, id: try next())
    let number: Int32 = try next()
    guard let kind = FeedKind(rawValue: number) else {
      throw .unreadable("an entry of kind \(number)")
    }
    return FeedHead(
      shard: shard, sequence: sequence, machine: machine, kind: kind, createdAt: try nextTime())
  }

  fileprivate mutating func nextFeedEntry(
    _ head: FeedHead
  ) throws(PostgreSQLError) -> FeedEntry {
    let change: FeedChange
    if head.kind == .event {
      let id: Int64 = try next()
      let at = try nextTime()
      let body = Content(formatVersion: try next(), data: try next())
      change = .event(Event(id: id, createdAt: at, body: body))
    } else {
      skip(4)
      switch head.kind {
      case .created: change = .created
      case .statusChanged: change = .statusChanged(try nextFailure())
      case .removed, .event: change = .removed
      }
    }
    return FeedEntry(
      shard: head.shard, sequence: head.sequence, machine: head.machine,
      note: FeedNote(change, at: head.createdAt))
  }
}
