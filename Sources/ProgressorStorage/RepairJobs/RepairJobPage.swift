import MachineModel
import PostgreSQL
import ProgressorEngine

/// A page of the machines that a job has still to repair.
struct RepairJobPage {
  let job: StoredRepairJob
  let after: RepairPosition?
  /// Only machines in the shards of this node; nil = all.
  let node: SQLUUID?
  let limit: Int32

  struct Found: Sendable {
    var position: RepairPosition
    var machine: String
    /// Of its failure.
    var reason: String
  }

  func read(on connection: Connection, timeout: Duration) throws(PostgreSQLError) -> [Found] {
    let spec = job.job.spec
    let parameters = Parameters.with {
      $0.append(job.number)
      $0.append(job.namespace.number)
      $0.append(job.failedUntil.sql)
      $0.append(spec.idPrefix)
      $0.append(spec.failureContains)
      $0.append((after?.failedAt ?? spec.failedSince).sql)
      $0.append(after?.shard.number ?? -1)
      $0.append(after?.key.number ?? .min)
      $0.append(node)
      $0.append(limit)
    }
    var found: [Found] = []
    for row in try connection.run(Statements.repairJobPage, parameters, timeout: timeout) {
      var reader = RowReader(row)
      let position = RepairPosition(
        failedAt: try reader.nextPlace(), shard: ShardID(try reader.next()),
        key: MachineKey(try reader.next()))
      found.append(
        Found(position: position, machine: try reader.next(), reason: try reader.next()))
    }
    return found
  }
}
