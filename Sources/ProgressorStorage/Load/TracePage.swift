import MachineModel
import PostgreSQL
import ProgressorEngine

/// One page of `Trace`, and one record more when there is more.
struct TracePage {
  let number: NamespaceNumber
  let machine: MachineID
  let shard: ShardID
  let query: TraceQuery

  /// nil = there is no such machine.
  func read(
    on connection: Connection, timeout: Duration
  ) throws(PostgreSQLError) -> [StepRecord]? {
    let parameters = Parameters.with {
      $0.append(number.number)
      $0.append(machine.id)
      $0.append(shard.number)
      $0.append(query.before == 0 ? Int64.max : query.before)
      $0.append(query.limit + 1)
    }
    let rows = try connection.run(Statements.trace, parameters, timeout: timeout)
    if rows.isEmpty { return nil }
    var records: [StepRecord] = []
    for row in rows {
      var reader = RowReader(row)
      if let record = try reader.nextStepRecord() { records.append(record) }
    }
    // In what order a join brings its rows nobody promises.
    return records.sorted { $0.sequence > $1.sequence }
  }
}

extension RowReader {
  /// All NULL = there is none.
  fileprivate mutating func nextStepRecord() throws(PostgreSQLError) -> StepRecord? {
    guard let sequence: Int64 = try nextOptional() else { return nil }
    let step: String = try next()
    let kind: Int32? = try nextOptional()
    let (beganAt, endedAt) = (try nextTime(), try nextTime())
    let outcome: Int32 = try next()
    // A node of the next version may have written it, and be replaced by this one again.
    return StepRecord(
      sequence: sequence, step: step, kind: kind.flatMap(StepKind.init(rawValue:)),
      beganAt: beganAt, endedAt: endedAt, outcome: StepOutcome(rawValue: outcome) ?? .unknown,
      attempt: try next(), code: try next(), message: try next(), firstEventID: try next(),
      lastEventID: try next(), principal: try nextOptional(), traceID: try nextOptional())
  }
}
