import MachineModel
import ProgressorProto

/// Queued notifications as rows and as JSON.
enum NotificationOutput {
  static let header: [TerminalText] = [
    "NOTIFICATION", "ACCEPTED", "TRIES", "NEXT", "CODE", "REASON", "ARGS",
  ]

  static func row(_ notification: PendingNotification) -> [TerminalText] {
    let failed = notification.attempt > 0
    return [
      "\(notification.notificationID)", "\(notification.acceptedAt.rfc3339)",
      "\(notification.attempt)", notification.nextAttemptAt.map { "\($0.rfc3339)" } ?? "-",
      failed ? "\(MachineText.code(notification.lastCode))" : "-",
      failed ? PayloadText.line(notification.lastMessage) : "-",
      PayloadText.line(notification.args),
    ]
  }

  /// In the JSON form of `progressor.v1.QueuedNotification`.
  static func value(_ notification: PendingNotification) -> JSONValue {
    let failed = notification.attempt > 0
    let head: [JSONValue.Member] = [
      .init("notificationId", .string(notification.notificationID)),
      .init("acceptedAt", .string(notification.acceptedAt.rfc3339)),
    ]
    guard
      case .object(let rest) = JSONValue.members([
        "attempt": failed ? .int32(notification.attempt) : nil,
        "nextAttemptAt": notification.nextAttemptAt.map { .string($0.rfc3339) },
        "lastCode": failed ? .int32(notification.lastCode) : nil,
        "lastMessage": failed ? .string(notification.lastMessage) : nil,
      ])
    else { return .object(head) }
    return .object(head + PayloadText.members("args", notification.args) + rest)
  }
}
