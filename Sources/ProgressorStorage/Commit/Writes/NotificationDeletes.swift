import MachineModel
import PostgreSQL
import ProgressorEngine

/// Notifications that were delivered.
enum NotificationDeletes: RowKind {
  static let statement = Statement(
    "commit_delete_notifications", PackageResources.commit_delete_notifications_sql)

  static func value(of write: RowWrite) -> Int64? {
    if case .deleteNotification(let sequence) = write { sequence } else { nil }
  }

  static let columns: [Column<Int64>] = [
    .shard, .machineKey, Column("sequence") { $0.value },
  ]
}
