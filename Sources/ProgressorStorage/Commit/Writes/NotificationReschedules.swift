import MachineModel
import PostgreSQL
import ProgressorEngine

/// Heads of queues that back off, or need not any more.
enum NotificationReschedules: RowKind {
  static let statement = Statement(
    "commit_reschedule_notifications", PackageResources.commit_reschedule_notifications_sql)

  static func value(of write: RowWrite) -> QueuedNotification? {
    if case .rescheduleNotification(let head) = write { head } else { nil }
  }

  static let columns: [Column<QueuedNotification>] =
    [
      .shard, .machineKey, Column("sequence") { $0.value.sequence },
    ] + Column.retryState { $0.retry }
}
