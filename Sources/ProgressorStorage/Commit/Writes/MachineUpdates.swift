import MachineModel
import PostgreSQL
import ProgressorEngine

/// The rows of machines after their steps.
enum MachineUpdates: RowKind {
  struct Change {
    var row: MachineRow
    var auxChanged: Bool
    var queue: QueueDifference
    var messages: MessageDifference

    /// Nothing is sent of an aux state that stays as it is.
    var newAuxState: Content? { auxChanged ? row.auxState : nil }
  }

  static let statement = Statement(
    "commit_update_machines", PackageResources.commit_update_machines_sql, .versionCheck,
    "AND machine.version = step.version - 1")

  static func value(of write: RowWrite) -> Change? {
    if case .updateMachine(let row, let auxChanged, let queue, let messages) = write {
      Change(row: row, auxChanged: auxChanged, queue: queue, messages: messages)
    } else {
      nil
    }
  }

  static let columns: [Column<Change>] =
    [
      .shard, .machineKey,
      Column("version") { $0.value.row.version },
      Column("last_event_id") { $0.value.row.lastEventID },
      Column("last_event_at") { $0.value.row.lastEventAt.sql },
      Column("aux_changed") { $0.value.auxChanged },
      Column("aux_format") { $0.value.newAuxState?.formatVersion },
      Column("aux_data") { $0.value.newAuxState?.data },
    ] + Column.failure { $0.row.failure } + Column.timer { $0.row.timer } + [
      Column("notification_difference") { $0.value.queue.count },
      Column("notification_retrying") { $0.value.queue.headIsRetrying },
      Column("message_difference") { $0.value.messages.pending },
      Column("undelivered_difference") { $0.value.messages.undelivered },
      Column("due_at") { $0.value.row.due?.sql },
    ]
}
