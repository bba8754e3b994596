import MachineModel
import PostgreSQL
import ProgressorEngine

/// Notifications that were accepted.
enum NotificationInserts: RowKind {
  static let statement = Statement(
    "commit_insert_notifications", PackageResources.commit_insert_notifications_sql)

  static func value(of write: RowWrite) -> QueuedNotification? {
    if case .insertNotification(let notification) = write { notification } else { nil }
  }

  static func bytes(of notification: QueuedNotification) -> Int { notification.args.count }

  static let columns: [Column<QueuedNotification>] =
    [
      .shard, .machineKey,
      Column("sequence") { $0.value.sequence },
      Column("notification_id") { $0.value.notificationID },
      Column("args") { $0.value.args },
    ] + Column.range("history_") { $0.historyRange } + [
      Column("context") { $0.value.context.text },
      Column("accepted_at") { $0.value.acceptedAt.sql },
    ] + Column.retryState { $0.retry }
}
