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
      if parts[last].omission != nil { continue }
      let isLarge: Bool = try reader.next()
      let head = try reader.nextFeedHead(of: shard)
      switch isLarge ? .omitted(.large(bytes: bytes)) : reader.nextFeedEntry(head) {
      case .entry(let entry):
        parts[last].entries.append(entry)
        parts[last].isWhole = ordinal == count && count < Int64(entries)
      case .omitted(let cause):
        parts[last].omission = FeedOmission(
          sequence: head.sequence, machine: head.machine, kind: head.kind, cause: cause)
      }
    }
    return parts
  }
}

/// What can be read of any entry.
private struct FeedHead {
  let shard: ShardID
  let sequence: Int64
  let machine: MachineID
  let kindNumber: Int32

  var kind: FeedKind? { FeedKind(rawValue: kindNumber) }
}

/// What becomes of an entry.
private enum FeedReading {
  case entry(FeedEntry)
  case omitted(FeedOmission.Cause)
}

extension RowReader {
  fileprivate mutating func nextFeedHead(of shard: ShardID) throws(PostgreSQLError) -> FeedHead {
    let sequence: Int64 = try next()
    let namespace: String = try next()
    let machine = MachineID(namespace: namespace, id: try next())
    return FeedHead(
      shard: shard, sequence: sequence, machine: machine, kindNumber: try next())
  }

  fileprivate mutating func nextFeedEntry(_ head: FeedHead) -> FeedReading {
    do throws(PostgreSQLError) { return try readFeedEntry(head) } catch {
      return .omitted(.damaged(error.description))
    }
  }

  private mutating func readFeedEntry(_ head: FeedHead) throws(PostgreSQLError) -> FeedReading {
    guard let kind = head.kind else {
      return .omitted(.later("an entry of kind \(head.kindNumber)"))
    }
    let createdAt = try nextTime()
    let change: FeedChange
    switch kind {
    case .created: change = .created
    case .event: change = .event(try nextFeedEvent())
    case .removed: change = .removed
    case .statusChanged:
      skip(4)
      if let step = try peekLaterStep() {
        return .omitted(.later("a failure in a step of kind \(step)"))
      }
      change = .statusChanged(try nextFailure())
    }
    return .entry(
      FeedEntry(
        shard: head.shard, sequence: head.sequence, machine: head.machine,
        note: FeedNote(change, at: createdAt)))
  }

  private mutating func nextFeedEvent() throws(PostgreSQLError) -> Event {
    let id: Int64 = try next()
    let at = try nextTime()
    return Event(
      id: id, createdAt: at, body: Content(formatVersion: try next(), data: try next()))
  }
}
