import MachineModel
import ProgressorProto
import ProgressorServer

/// Pieces of machines as JSON lines: docs/backup.md has the form. Names
/// are those of the contract's JSON form; payloads are text where they are UTF-8, else base64.
enum TransferJSON {
  /// Of the form; a later one that cannot be read by this program has another.
  static let version: Int32 = 1

  /// The lines of a piece.
  static func lines(_ part: MachinePart) -> [JSONValue] {
    switch part {
    case .head(let head): [.members(["machine": self.head(head)])]
    case .events(let events): events.map { .members(["event": event($0)]) }
    case .notifications(let all): all.map { .members(["notification": notification($0)]) }
    case .end(let end):
      [
        .members([
          "end": .members([
            "id": .string(end.id), "discarded": end.discarded.map { _ in .bool(true) },
            "reason": end.discarded.map(JSONValue.string),
          ])
        ])
      ]
    }
  }

  private static func head(_ head: PortableMachine) -> JSONValue {
    .members([
      "version": .int32(version), "id": .string(head.id),
      "createdAt": .string(head.createdAt.rfc3339),
      "since": head.since.map { .string($0.rfc3339) },
      "failed": head.failure.map(MachineJSON.failure), "paused": head.pause.map(MachineJSON.pause),
      "auxState": head.auxState.map(content), "timer": head.timer.map(timer),
      "lastEventId": .int64(head.lastEventID),
      "queuedNotifications": .int32(head.queuedNotifications),
      "waitingFor": head.waitingFor.map(JSONValue.string),
    ])
  }

  private static func timer(_ timer: PortableTimer) -> JSONValue {
    .members([
      "firesAt": .string(timer.firesAt.rfc3339),
      "historyRange": timer.historyRange.map(MachineJSON.range),
      "processingTimeout": timer.processingTimeout.map {
        .string(Quantity.text(microseconds: Int($0)))
      },
      "metadata": metadata(timer.metadata), "attempts": timer.retry.map(attempts),
    ])
  }

  private static func notification(_ notification: PortableNotification) -> JSONValue {
    .object(
      [JSONValue.Member("acceptedAt", .string(notification.acceptedAt.rfc3339))]
        + payload("args", "argsText", notification.args)
        + members([
          "historyRange": notification.historyRange.map(MachineJSON.range),
          "metadata": metadata(notification.metadata),
          "attempts": notification.retry.map(attempts),
        ]))
  }

  private static func event(_ event: Event) -> JSONValue {
    .members([
      "id": .int64(event.id), "createdAt": .string(event.createdAt.rfc3339),
      "body": content(event.body),
    ])
  }

  private static func content(_ content: Content) -> JSONValue {
    .object(
      (content.formatVersion == 0
        ? [] : [JSONValue.Member("formatVersion", .int32(content.formatVersion))])
        + payload("data", "text", content.data))
  }

  private static func payload(
    _ field: String, _ textField: String, _ bytes: [UInt8]
  ) -> [JSONValue.Member] {
    if bytes.isEmpty { return [] }
    if let text = String(validating: bytes, as: UTF8.self) {
      return [JSONValue.Member(textField, .string(text))]
    }
    return [JSONValue.Member(field, .string(PaddedBase64.encoded(bytes)))]
  }

  private static func metadata(_ entries: [CallerContext.Entry]) -> JSONValue? {
    if entries.isEmpty { return nil }
    return .array(
      entries.map { .members(["name": .string($0.name), "value": .string($0.value)]) })
  }

  private static func attempts(_ retry: RetryState) -> JSONValue {
    .members([
      "attempt": .int32(retry.attempt), "nextAttemptAt": .string(retry.nextAttemptAt.rfc3339),
      "lastCode": .int32(retry.lastCode), "lastMessage": .string(retry.lastMessage),
    ])
  }

  private static func members(_ members: KeyValuePairs<String, JSONValue?>) -> [JSONValue.Member] {
    members.compactMap { member in member.value.map { JSONValue.Member(member.key, $0) } }
  }
}

/// Reading them.
extension TransferJSON {
  /// The piece that a line is.
  static func part(_ tree: JSONTree) throws(JSONFields.Failure) -> MachinePart {
    var line = try JSONFields(tree, path: "")
    let part: MachinePart
    if let head = try line.fields("machine") {
      part = .head(try self.head(head))
    } else if let event = try line.fields("event") {
      part = .events([try self.event(event)])
    } else if let notification = try line.fields("notification") {
      part = .notifications([try self.notification(notification)])
    } else if let end = try line.fields("end") {
      part = .end(try self.end(end))
    } else {
      throw line.failure("machine, event, notification or end", "must be in it")
    }
    try line.finish()
    return part
  }

  private static func head(_ fields: JSONFields) throws(JSONFields.Failure) -> PortableMachine {
    var fields = fields
    guard let version = try fields.int32("version") else {
      throw fields.failure("version", "is missing")
    }
    guard version == self.version else {
      throw fields.failure("version", "is \(version), this program reads \(self.version)")
    }
    guard let id = try fields.text("id") else { throw fields.failure("id", "is missing") }
    var head = PortableMachine(id: id, createdAt: try fields.requiredTime("createdAt"))
    head.since = try fields.time("since")
    if let failed = try fields.fields("failed") { head.failure = try failure(failed) }
    if let paused = try fields.fields("paused") { head.pause = try pause(paused) }
    if let aux = try fields.fields("auxState") { head.auxState = try content(aux) }
    if let timer = try fields.fields("timer") { head.timer = try self.timer(timer) }
    head.lastEventID = try fields.int64("lastEventId") ?? 0
    head.queuedNotifications = try fields.int32("queuedNotifications") ?? 0
    head.waitingFor = try fields.text("waitingFor")
    try fields.finish()
    return head
  }

  private static func failure(_ fields: JSONFields) throws(JSONFields.Failure) -> Failure {
    var fields = fields
    let reason = try fields.text("reason") ?? ""
    if reason.utf8.count > Failure.maximumReasonBytes {
      throw fields.failure("reason", "is longer than \(Failure.maximumReasonBytes) bytes")
    }
    guard let name = try fields.text("stepKind"),
      let kind = StepKind.allCases.first(where: { $0.protobufName == name })
    else { throw fields.failure("stepKind", "must be STEP_KIND_CALL, STEP_KIND_TIMEOUT, …") }
    guard let code = try fields.int32("code") else { throw fields.failure("code", "is missing") }
    let failure = Failure(
      reason: reason, failedAt: try fields.requiredTime("failedAt"), stepKind: kind, code: code,
      attempts: try fields.int32("attempts") ?? 1, step: try fields.text("step") ?? "",
      principal: try fields.text("principal"))
    try fields.check("reason", reason, isKeptAs: failure.reason)
    try fields.finish()
    return failure
  }

  private static func pause(_ fields: JSONFields) throws(JSONFields.Failure) -> Pause {
    var fields = fields
    let reason = try fields.text("reason") ?? ""
    if reason.utf8.count > Pause.maximumReasonBytes {
      throw fields.failure("reason", "is longer than \(Pause.maximumReasonBytes) bytes")
    }
    let pause = Pause(
      pausedAt: try fields.requiredTime("pausedAt"), reason: reason,
      principal: try fields.text("principal"))
    try fields.check("reason", reason, isKeptAs: pause.reason)
    try fields.finish()
    return pause
  }

  private static func content(_ fields: JSONFields) throws(JSONFields.Failure) -> Content {
    var fields = fields
    let content = Content(
      formatVersion: try fields.int32("formatVersion") ?? 0,
      data: try fields.payload("data", "text"))
    try fields.finish()
    return content
  }

  private static func timer(_ fields: JSONFields) throws(JSONFields.Failure) -> PortableTimer {
    var fields = fields
    var timer = PortableTimer(firesAt: try fields.requiredTime("firesAt"))
    if let range = try fields.fields("historyRange") { timer.historyRange = try self.range(range) }
    timer.processingTimeout = try fields.duration("processingTimeout")
    timer.metadata = try metadata(&fields)
    timer.retry = try attempts(&fields)
    try fields.finish()
    return timer
  }

  private static func event(_ fields: JSONFields) throws(JSONFields.Failure) -> Event {
    var fields = fields
    guard let id = try fields.int64("id") else { throw fields.failure("id", "is missing") }
    let body = try fields.fields("body")
    let event = Event(
      id: id, createdAt: try fields.requiredTime("createdAt"),
      body: try body.map(content) ?? Content(data: []))
    try fields.finish()
    return event
  }

  private static func notification(
    _ fields: JSONFields
  ) throws(JSONFields.Failure) -> PortableNotification {
    var fields = fields
    var notification = PortableNotification(acceptedAt: try fields.requiredTime("acceptedAt"))
    notification.args = try fields.payload("args", "argsText")
    if let range = try fields.fields("historyRange") {
      notification.historyRange = try self.range(range)
    }
    notification.metadata = try metadata(&fields)
    notification.retry = try attempts(&fields)
    try fields.finish()
    return notification
  }

  private static func end(_ fields: JSONFields) throws(JSONFields.Failure) -> MachineEnd {
    var fields = fields
    guard let id = try fields.text("id") else { throw fields.failure("id", "is missing") }
    let (isDiscarded, reason) = (try fields.flag("discarded"), try fields.text("reason") ?? "")
    try fields.finish()
    return MachineEnd(id: id, discarded: isDiscarded ? reason : nil)
  }

  private static func range(_ fields: JSONFields) throws(JSONFields.Failure) -> HistoryRange {
    var fields = fields
    var range = HistoryRange(after: try fields.int64("after") ?? 0)
    range.limit = try fields.int32("limit")
    switch try fields.text("direction") {
    case nil, "DIRECTION_FORWARD"?: range.direction = .forward
    case "DIRECTION_BACKWARD"?: range.direction = .backward
    default: throw fields.failure("direction", "must be DIRECTION_FORWARD or DIRECTION_BACKWARD")
    }
    try fields.finish()
    return range
  }

  private static func metadata(
    _ fields: inout JSONFields
  ) throws(JSONFields.Failure) -> [CallerContext.Entry] {
    var entries: [CallerContext.Entry] = []
    for var entry in try fields.array("metadata") {
      guard let name = try entry.text("name") else { throw entry.failure("name", "is missing") }
      entries.append(CallerContext.Entry(name: name, value: try entry.text("value") ?? ""))
      try entry.finish()
    }
    return entries
  }

  private static func attempts(
    _ fields: inout JSONFields
  ) throws(JSONFields.Failure) -> RetryState? {
    guard var attempts = try fields.fields("attempts") else { return nil }
    guard let attempt = try attempts.int32("attempt") else {
      throw attempts.failure("attempt", "is missing")
    }
    let message = try attempts.text("lastMessage") ?? ""
    if message.utf8.count > RetryState.maximumMessageBytes {
      throw attempts.failure(
        "lastMessage", "is longer than \(RetryState.maximumMessageBytes) bytes")
    }
    let state = RetryState(
      attempt: attempt, nextAttemptAt: try attempts.requiredTime("nextAttemptAt"),
      lastCode: try attempts.int32("lastCode") ?? 0, lastMessage: message)
    try attempts.check("lastMessage", message, isKeptAs: state.lastMessage)
    try attempts.finish()
    return state
  }
}
