import MachineModel
import ProgressorProto

/// A machine in the JSON form of `progressor.v1.Machine`; payloads that are UTF-8 have their text
/// beside them.
enum MachineJSON {
  static func value(_ machine: Machine) -> JSONValue {
    .members([
      "namespace": .string(machine.machineID.namespace),
      "id": .string(machine.machineID.id),
      "status": status(machine.status),
      "auxState": machine.auxState.map(content),
      "timer": machine.timer.map { .string($0.rfc3339) },
      "lastEventId": .int64(machine.lastEventID),
      "createdAt": .string(machine.createdAt.rfc3339),
      "paused": machine.pause.map(pause),
      "since": machine.since.map { .string($0.rfc3339) },
      "queuedNotifications": machine.queuedNotifications == 0
        ? nil : .int32(machine.queuedNotifications),
      "waitingOn": machine.waiting.map { .string(name($0.on)) },
      "waitingFor": machine.waitingFor.map(JSONValue.string),
      "waitingSince": machine.waiting.map { .string($0.since.rfc3339) },
      "historyRange": range(machine.historyRange),
      "history": .array(machine.history.map(event)),
    ])
  }

  static func event(_ event: Event) -> JSONValue {
    .members([
      "id": .int64(event.id), "createdAt": .string(event.createdAt.rfc3339),
      "body": content(event.body),
    ])
  }

  static func content(_ content: Content) -> JSONValue {
    .object(
      [JSONValue.Member("formatVersion", .int32(content.formatVersion))]
        + PayloadText.members("data", content.data))
  }

  static func pause(_ pause: Pause) -> JSONValue {
    .members([
      "pausedAt": .string(pause.pausedAt.rfc3339), "reason": .string(pause.reason),
      "principal": pause.principal.map(JSONValue.string),
    ])
  }

  static func range(_ range: HistoryRange) -> JSONValue {
    .members([
      "after": .int64(range.after), "limit": range.limit.map(JSONValue.int32),
      "direction": .string(
        range.direction == .forward ? "DIRECTION_FORWARD" : "DIRECTION_BACKWARD"),
    ])
  }

  static func status(_ status: MachineStatus) -> JSONValue {
    switch status {
    case .working(nil): .members(["working": .object([])])
    case .working(let retrying?):
      .members(["working": .members(["retrying": self.retrying(retrying)])])
    case .failed(let failure): .members(["failed": self.failure(failure)])
    }
  }

  static func failure(_ failure: Failure) -> JSONValue {
    .members([
      "reason": .string(failure.reason), "failedAt": .string(failure.failedAt.rfc3339),
      "stepKind": .string(failure.stepKind.protobufName), "code": .int32(failure.code),
      "attempts": .int32(failure.attempts),
      "step": failure.step.isEmpty ? nil : .string(failure.step),
      "principal": failure.principal.map(JSONValue.string),
    ])
  }

  private static func retrying(_ retrying: Retrying) -> JSONValue {
    .members([
      "stepKind": .string(retrying.stepKind.protobufName), "attempt": .int32(retrying.attempt),
      "nextAttemptAt": .string(retrying.nextAttemptAt.rfc3339),
      "lastCode": .int32(retrying.lastCode), "lastMessage": .string(retrying.lastMessage),
    ])
  }

  private static func name(_ waiting: WaitingOn) -> String {
    switch waiting {
    case .endpoint: "WAITING_ON_ENDPOINT"
    case .pause: "WAITING_ON_PAUSE"
    case .retry: "WAITING_ON_RETRY"
    case .slot: "WAITING_ON_SLOT"
    case .step: "WAITING_ON_STEP"
    }
  }
}
