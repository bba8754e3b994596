import MachineModel
import PostgreSQL
import ProgressorEngine

/// Machines of which nothing changes but the queue of notifications, and so perhaps when they are
/// due.
enum MachineRequeues: RowKind {
  struct Requeue {
    var due: Timestamp?
    var queue: QueueDifference
  }

  static let statement = Statement(
    "commit_requeue_machines", PackageResources.commit_requeue_machines_sql)

  static func value(of write: RowWrite) -> Requeue? {
    if case .requeueMachine(let due, let queue) = write {
      Requeue(due: due, queue: queue)
    } else {
      nil
    }
  }

  static let columns: [Column<Requeue>] = [
    .shard, .machineKey,
    Column("number") { $0.value.queue.count },
    Column("due_at") { $0.value.due?.sql },
  ]
}
