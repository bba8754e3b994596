import MachineModel
import ProgressorProto

/// A record in the JSON form of `progressor.v1.StepRecord`.
enum TraceJSON {
  static func value(_ record: StepRecord) -> JSONValue {
    .members([
      "sequence": .int64(record.sequence),
      "step": record.step.isEmpty ? nil : .string(record.step),
      "kind": record.kind.map { .string($0.protobufName) },
      "beganAt": .string(record.beganAt.rfc3339),
      "endedAt": .string(record.endedAt.rfc3339),
      "outcome": .string(name(record.outcome)),
      "attempt": record.attempt == 0 ? nil : .int32(record.attempt),
      "code": record.code == 0 ? nil : .int32(record.code),
      "message": record.message.isEmpty ? nil : .string(record.message),
      "firstEventId": record.firstEventID == 0 ? nil : .int64(record.firstEventID),
      "lastEventId": record.lastEventID == 0 ? nil : .int64(record.lastEventID),
      "principal": record.principal.map(JSONValue.string),
      "traceId": record.traceID.map(JSONValue.string),
    ])
  }

  private static func name(_ outcome: StepOutcome) -> String {
    switch outcome {
    case .unknown: "OUTCOME_UNSPECIFIED"
    case .committed: "OUTCOME_COMMITTED"
    case .refused: "OUTCOME_REFUSED"
    case .retried: "OUTCOME_RETRIED"
    case .failed: "OUTCOME_FAILED"
    case .repaired: "OUTCOME_REPAIRED"
    case .paused: "OUTCOME_PAUSED"
    case .resumed: "OUTCOME_RESUMED"
    }
  }
}
