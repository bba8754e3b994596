import CProgressorProto
import MachineModel

extension StepRecord: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__StepRecord>?) -> Void {
    progressor__v1__step_record__init
  }

  init(_ message: Progressor__V1__StepRecord) throws(ProtobufError) {
    let (principal, traceID) = (
      try message.principal.text("principal"), try message.trace_id.text("trace_id")
    )
    self.init(
      sequence: message.sequence, step: try message.step.text("step"),
      // What a later version has more is no reason to show nothing.
      kind: StepKind(rawValue: Int32(bitPattern: message.kind.rawValue)),
      beganAt: try Timestamp.require(message.began_at, "began_at"),
      endedAt: try Timestamp.require(message.ended_at, "ended_at"),
      outcome: StepOutcome(rawValue: Int32(bitPattern: message.outcome.rawValue)) ?? .unknown,
      attempt: message.attempt, code: message.code, message: try message.message.text("message"),
      firstEventID: message.first_event_id, lastEventID: message.last_event_id,
      principal: principal.isEmpty ? nil : principal, traceID: traceID.isEmpty ? nil : traceID)
  }

  func fill(_ message: inout Progressor__V1__StepRecord, in arena: inout ProtobufArena) {
    message.sequence = sequence
    message.step = arena.make(step)
    message.kind = Progressor__V1__StepKind(rawValue: UInt32(bitPattern: kind?.rawValue ?? 0))
    message.began_at = arena.make(beganAt)
    message.ended_at = arena.make(endedAt)
    message.outcome = Progressor__V1__Outcome(rawValue: UInt32(bitPattern: outcome.rawValue))
    message.attempt = attempt
    message.code = code
    message.message = arena.make(self.message)
    message.first_event_id = firstEventID
    message.last_event_id = lastEventID
    message.principal = arena.make(principal ?? "")
    message.trace_id = arena.make(traceID ?? "")
  }
}
