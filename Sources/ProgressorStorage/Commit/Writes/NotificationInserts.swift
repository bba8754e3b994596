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
    ] + Column.retryState { $0.retry } + [
      Column("sender_namespace") { $0.value.origin.machine?.namespace },
      Column("sender") { $0.value.origin.machine?.id },
      Column("undelivered_name") { $0.value.origin.undelivered?.name },
      Column("undelivered_code") { $0.value.origin.undelivered?.code },
      Column("undelivered_reason") { $0.value.origin.undelivered?.reason },
    ]
}

extension QueuedNotification.Origin {
  /// Whose message it is, or should have got the one that cannot be delivered.
  fileprivate var machine: MachineID? {
    switch self {
    case .client: nil
    case .machine(let sender): sender
    case .undelivered(let target, _, _, _): target
    }
  }

  fileprivate var undelivered: (name: String, code: Int32, reason: String)? {
    if case .undelivered(_, let name, let code, let reason) = self {
      (name, code, reason)
    } else {
      nil
    }
  }
}
