import MachineModel
import PostgreSQL
import ProgressorEngine

/// Where a range of a history lies: it is there, and stays as it is, as long as its machine is.
struct HistorySpan {
  let shard: ShardID
  let key: MachineKey
  let first: Int64
  let last: Int64

  /// More than a load may bring, however short the bodies are.
  var isTooLong: Bool { count > Int64(LoadRequest.maximumHistoryBytes / Self.leastBytes) }

  var count: Int64 { last - first + 1 }

  /// What load_history_size counts of an event beside its body.
  private static let leastBytes = 16
  /// Of one piece: bounded by what it costs, so that others have their turn in between.
  private static let eventsPerSize: Int64 = 20_000
  private static let eventsPerPage: Int32 = 2_000
  private static let bytesPerPage: Int64 = 1 << 20

  /// Nil when nothing is in the range. `row` is one of load_histories.
  init?(_ row: Row, of request: LoadRequest) throws(PostgreSQLError) {
    shard = request.shard
    key = MachineKey(try row.value(2))
    first = try row.value(3)
    last = try row.value(4)
    if first > last { return nil }
  }

  /// The bytes of a piece that begins with the event `next`, and the first event behind it.
  func size(
    from next: Int64, on connection: Connection, timeout: Duration
  ) throws(PostgreSQLError) -> (bytes: Int64, next: Int64) {
    let end = min(last, next + Self.eventsPerSize - 1)
    let bytes: Int64 = try connection.run(
      Statements.loadHistorySize, parameters(from: next, to: end), timeout: timeout
    ).onlyRow().value(0)
    return (bytes, end + 1)
  }

  /// A page that begins with the event `next`, in the order of ids; empty = nothing is left.
  func page(
    from next: Int64, on connection: Connection, timeout: Duration
  ) throws(PostgreSQLError) -> [Event] {
    var parameters = parameters(from: next, to: last)
    parameters.append(Self.eventsPerPage)
    parameters.append(Self.bytesPerPage)
    return try connection.run(Statements.loadHistoryPage, parameters, timeout: timeout)
      .map { (row) throws(PostgreSQLError) in
        var reader = RowReader(row)
        return try reader.nextEvent(id: try reader.next())
      }
  }

  private func parameters(from next: Int64, to end: Int64) -> Parameters {
    .with {
      $0.append(shard.number)
      $0.append(key.number)
      $0.append(next)
      $0.append(end)
    }
  }
}
