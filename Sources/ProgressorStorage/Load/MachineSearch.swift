import MachineModel
import PostgreSQL
import ProgressorEngine

/// Finds the machines of a page that no index has in the order of their ids. The cost is bounded: a
/// page may come short, and says how far it looked.
struct MachineSearch {
  /// Where a machine's row stands.
  struct Place {
    var shard: Int32
    var key: Int64
    var id: String
  }

  let namespace: NamespaceNumber
  let query: ListQuery
  /// No id with the prefix comes after it.
  let lastID: String
  /// Rows that are looked at for one page, at most.
  let limit: Int32

  /// As many as one request may cost.
  static let limit: Int32 = 10_000

  /// The machines, one more than the page size when there is more; and the last id that was looked
  /// at, when there may be others behind it.
  func read(
    on connection: Connection, timeout: Duration
  ) throws(PostgreSQLError) -> (places: [Place], reached: String?) {
    if query.selectsFailures {
      switch query.status {
      case .any, .failed, .paused: return try failures(connection, timeout)
      // None of them is failed.
      case .working, .retrying, .late: return ([], nil)
      }
    }
    let all = try late(Statements.findLate, connection, timeout)
    if all.looked <= Int64(limit) { return (all.places, nil) }
    let some = try late(Statements.findLateInOrder, connection, timeout)
    return (some.places, some.looked < Int64(limit) ? nil : some.reached)
  }

  private typealias Found = (looked: Int64, reached: String?, places: [Place])

  private func failures(
    _ connection: Connection, _ timeout: Duration
  ) throws(PostgreSQLError) -> (places: [Place], reached: String?) {
    let found = try find(Statements.findFailures, connection, timeout) {
      $0.append(query.failedSince?.sql)
      $0.append(query.failedCode)
      $0.append(query.status == .paused)
    }
    return (found.places, found.looked < Int64(limit) ? nil : found.reached)
  }

  private func late(
    _ statement: Statement, _ connection: Connection, _ timeout: Duration
  ) throws(PostgreSQLError) -> Found {
    try find(statement, connection, timeout) { $0.append(StatusFilter.lateAfter) }
  }

  private func find(
    _ statement: Statement, _ connection: Connection, _ timeout: Duration,
    _ fill: (inout Parameters) -> Void
  ) throws(PostgreSQLError) -> Found {
    let parameters = Parameters.with {
      $0.append(namespace.number)
      $0.append(query.after ?? "")
      $0.append(query.idPrefix)
      $0.append(lastID)
      $0.append(query.pageSize + 1)
      $0.append(limit)
      fill(&$0)
    }
    var found: Found = (0, nil, [])
    for row in try connection.run(statement, parameters, timeout: timeout) {
      var reader = RowReader(row)
      found.looked = try reader.next()
      found.reached = try reader.nextOptional()
      guard let shard: Int32 = try reader.nextOptional() else { continue }
      found.places.append(Place(shard: shard, key: try reader.next(), id: try reader.next()))
    }
    return found
  }
}
