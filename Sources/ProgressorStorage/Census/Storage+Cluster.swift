public import MachineModel
import PostgreSQL
import Synchronization

extension Storage {
  /// The nodes and their database as they are now. Throws STORAGE_UNAVAILABLE.
  public func clusterState() async throws(ProgressorError) -> ClusterState {
    let (own, size) = (leaseNode, databaseSize)
    return try await censusStore.perform { connection throws(PostgreSQLError) in
      let bytes = try size.read(on: connection)
      var pipeline = Pipeline()
      for statement in [
        Statements.clusterNodes, Statements.clusterShards, Statements.clusterDatabase,
      ] { pipeline.append(statement) }
      let results = try connection.run(pipeline, timeout: Storage.censusTimeout)
      let nodes = try results[0].map { (row) throws(PostgreSQLError) in
        try Self.node(row, own: own)
      }
      let (shards, unowned): (Int64, Int64) = try {
        (row) throws(PostgreSQLError) in (try row.value(0), try row.value(1))
      }(try results[1].onlyRow())
      let row = try results[2].onlyRow()
      return ClusterState(
        nodes: nodes, shards: Int32(clamping: shards), unownedShards: Int32(clamping: unowned),
        database: ClusterDatabase(
          version: try row.value(0), sizeBytes: bytes, oldestTransaction: try row.value(1)))
    }
  }

  private static func node(_ row: Row, own: SQLUUID?) throws(PostgreSQLError) -> ClusterNode {
    var reader = RowReader(row)
    let id: SQLUUID = try reader.next()
    return ClusterNode(
      id: "\(id)", name: try reader.next(), address: try reader.next(),
      version: try reader.next(), startedAt: try reader.nextTime(),
      leaseUntil: try reader.nextTime(),
      shards: Int32(clamping: try reader.next(Int64.self)), isSelf: id == own)
  }
}

/// The size of the database, asked for now and then: it costs a look at each file.
final class DatabaseSize: Sendable {
  private struct Known {
    var bytes: Int64 = 0
    /// On `LocalClock.uptime`.
    var until = Int64.min
  }

  private let known = Mutex(Known())
  /// Microseconds that it is not asked for again.
  private static let interval: Int64 = 15_000_000
  private static let milliseconds = 1_000

  /// Bytes; 0 = that could not be found out in time. Throws when the database does not answer.
  func read(on connection: Connection) throws(PostgreSQLError) -> Int64 {
    let (last, now) = (known.withLock { $0 }, LocalClock.uptime())
    if now < last.until { return last.bytes }
    var pipeline = Pipeline()
    pipeline.append(
      Statements.sessionStatementTimeout, .with { $0.append("\(Self.milliseconds)") })
    pipeline.append(Statements.clusterSize)
    var bytes: Int64 = 0
    do {
      bytes = try connection.run(pipeline, timeout: Storage.censusTimeout)[1].onlyRow().value(0)
    } catch {
      guard error.scope == .statement else { throw error }
    }
    let found = Known(bytes: bytes, until: now + Self.interval)
    known.withLock { $0 = found }
    return bytes
  }
}
