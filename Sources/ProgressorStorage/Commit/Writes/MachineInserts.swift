import MachineModel
import PostgreSQL
import ProgressorEngine

/// The rows of machines that start.
enum MachineInserts: RowKind {
  struct Insert {
    var row: MachineRow
    var queue: QueueDifference
    var messages: MessageDifference
  }

  static let statement = Statement(
    "commit_insert_machines", PackageResources.commit_insert_machines_sql)

  static func value(of write: RowWrite) -> Insert? {
    if case .insertMachine(let row, let queue, let messages) = write {
      Insert(row: row, queue: queue, messages: messages)
    } else {
      nil
    }
  }

  static let columns: [Column<Insert>] =
    [
      .shard, .machineKey, .namespace,
      Column("id") { $0.machine.id },
      Column("version") { $0.value.row.version },
      Column("created_at") { $0.value.row.createdAt.sql },
      Column("last_event_id") { $0.value.row.lastEventID },
      Column("last_event_at") { $0.value.row.lastEventAt.sql },
      Column("aux_format") { $0.value.row.auxState?.formatVersion },
      Column("aux_data") { $0.value.row.auxState?.data },
    ] + Column.failure { $0.row.failure } + Column.timer { $0.row.timer } + [
      Column("notification_count") { $0.value.queue.count },
      Column("notification_retrying") { $0.value.queue.headIsRetrying ?? false },
      Column("pending_messages") { $0.value.messages.pending },
      Column("due_at") { $0.value.row.due?.sql },
    ]
}
