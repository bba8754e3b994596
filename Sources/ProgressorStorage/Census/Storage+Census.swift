public import MachineModel
import PostgreSQL
public import ProgressorEngine

// What the rows say of the whole. All throw STORAGE_UNAVAILABLE when the database does not answer
// in time.

extension Storage {
  /// Machines of a kind that are counted in a namespace; more count as so many.
  public static let maximumCensusCount: Int64 = 100_000
  /// Late machines of a namespace that are looked at: more than a namespace has under way by
  /// default.
  static let maximumLateMachines: Int64 = 2_500

  /// Of a statement. Counting what there is of a hundred namespaces takes less, and a database that
  /// is busy has better things to do.
  static let censusStatementTimeout: Duration = .seconds(3)
  static let censusTimeout: Duration = .seconds(4)

  /// How the machines of each namespace fare, oldest namespace first. Empty when it is another
  /// node's turn to count: of all that live one does, the one with the first shard.
  public func census() async throws(ProgressorError) -> [NamespaceCensus] {
    guard let node = leaseNode else { return [] }
    return try await censusStore.perform { connection throws(PostgreSQLError) in
      let parameters = Parameters.with {
        $0.append(node)
        $0.append(Self.maximumCensusCount)
      }
      let rows = try connection.run(
        Statements.censusNamespaces, parameters, timeout: Storage.censusTimeout)
      return try rows.map { (row) throws(PostgreSQLError) in try Self.namespaceCensus(row) }
    }
  }

  /// How large the tables are whose rows have a time to go. Empty when the node has no lease.
  public func retainedTables() async throws(ProgressorError) -> [RetainedTable] {
    guard leaseNode != nil else { return [] }
    return try await censusStore.perform { connection throws(PostgreSQLError) in
      try connection.run(Statements.retainedTables, timeout: Self.censusTimeout)
        .map { (row) throws(PostgreSQLError) in
          RetainedTable(
            name: try row.value(0), rows: try row.value(1), bytes: try row.value(2))
        }
    }
  }

  /// Consumers of the feed whose lag is told.
  static let maximumLags: Int64 = 100

  /// How far consumers of the feed are behind, by name. Empty when it is another node's turn.
  public func feedLags() async throws(ProgressorError) -> [FeedLag] {
    guard let node = leaseNode else { return [] }
    return try await censusStore.perform { connection throws(PostgreSQLError) in
      let parameters = Parameters.with {
        $0.append(node)
        $0.append(Self.maximumLags)
      }
      return try connection.run(Statements.feedLags, parameters, timeout: Self.censusTimeout)
        .map { (row) throws(PostgreSQLError) in
          FeedLag(
            consumer: try row.value(0), entries: try row.value(1), age: try row.value(2))
        }
    }
  }

  private static func namespaceCensus(_ row: Row) throws(PostgreSQLError) -> NamespaceCensus {
    var reader = RowReader(row)
    let number = NamespaceNumber(try reader.next())
    var census = NamespaceCensus(name: try reader.next(), number: number)
    census.failed = try reader.next()
    census.retrying = try reader.next()
    census.paused = try reader.next()
    census.late = try reader.next()
    census.queuedNotifications = try reader.next()
    census.oldestDue = try reader.next()
    return census
  }

  /// The machines of this node's shards that are due for so many microseconds or longer, in
  /// namespaces that are not paused: of each namespace those among the oldest. Empty when the node
  /// has no lease.
  ///
  /// - Parameter held: Namespaces that are left out.
  public func lateMachines(
    dueFor age: Int64, except held: [NamespaceNumber] = []
  ) async throws(ProgressorError) -> [LateMachine] {
    guard let node = leaseNode else { return [] }
    return try await censusStore.perform { connection throws(PostgreSQLError) in
      let parameters = Parameters.with {
        $0.append(node)
        $0.append(age)
        $0.append(Self.maximumLateMachines)
        $0.appendArray(held) { $0.number }
      }
      let rows = try connection.run(
        Statements.censusLate, parameters, timeout: Storage.censusTimeout)
      return try rows.map { (row) throws(PostgreSQLError) in
        var reader = RowReader(row)
        let number = NamespaceNumber(try reader.next())
        let namespace: String = try reader.next()
        let machine = MachineID(namespace: namespace, id: try reader.next())
        return LateMachine(namespace: number, machine: machine, due: try reader.nextPlace())
      }
    }
  }
}
