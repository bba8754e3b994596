import MachineModel
import ProgressorProto

/// Messages that are not delivered, as rows and as JSON.
enum MessageOutput {
  static let header: [TerminalText] = [
    "NUMBER", "TO", "KIND", "NAME", "DUE", "TRIES", "NEXT", "CODE", "REASON", "ARGS",
  ]

  static func row(_ pending: PendingMessage) -> [TerminalText] {
    let message = pending.message
    let failed = pending.attempts > 0
    return [
      "\(pending.number)", "\(message.target.namespace)/\(message.target.id)",
      "\(kind(message.kind))", message.name.map { "\($0)" } ?? "-",
      "\(pending.deliverAt.rfc3339)", "\(pending.attempts)",
      pending.nextAttemptAt.map { "\($0.rfc3339)" } ?? "never",
      failed ? "\(MachineText.code(pending.lastCode))" : "-",
      failed ? "\(pending.lastReason)" : "-", PayloadText.line(message.args),
    ]
  }

  private static func kind(_ kind: OutgoingMessage.Kind) -> String {
    switch kind {
    case .start(_, ignoresExisting: false): "start"
    case .start(_, ignoresExisting: true): "start if absent"
    case .notify: "notify"
    }
  }

  /// In the JSON form of `progressor.v1.PendingMessage`.
  static func value(_ pending: PendingMessage) -> JSONValue {
    .members([
      "number": .int64(pending.number), "message": value(pending.message),
      "createdAt": .string(pending.createdAt.rfc3339),
      "deliverAt": .string(pending.deliverAt.rfc3339),
      "attempts": pending.attempts == 0 ? nil : .int32(pending.attempts),
      "nextAttemptAt": pending.nextAttemptAt.map { .string($0.rfc3339) },
      "lastCode": pending.lastCode == 0 ? nil : .int32(pending.lastCode),
      "lastReason": pending.lastReason.isEmpty ? nil : .string(pending.lastReason),
      "undelivered": pending.nextAttemptAt == nil ? .bool(true) : nil,
    ])
  }

  private static func value(_ message: OutgoingMessage) -> JSONValue {
    var members: [JSONValue.Member] = [
      .init("namespace", .string(message.target.namespace)),
      .init("id", .string(message.target.id)),
    ]
    var carried = PayloadText.members("args", message.args)
    switch message.kind {
    case .start(_, let ignoresExisting):
      if ignoresExisting { carried.append(.init("ignoreExisting", .bool(true))) }
      members.append(.init("start", .object(carried)))
    case .notify: members.append(.init("notify", .object(carried)))
    }
    if case .at(let time) = message.when {
      members.append(.init("deliverAt", .string(time.rfc3339)))
    }
    if let name = message.name { members.append(.init("name", .string(name))) }
    if message.reportsFailure { members.append(.init("reportFailure", .bool(true))) }
    return .object(members)
  }
}
