import CProgressorProto
import MachineModel

extension RepairJob: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__RepairJob>?) -> Void {
    progressor__v1__repair_job__init
  }

  init(_ message: Progressor__V1__RepairJob) throws(ProtobufError) {
    self.init(
      id: try message.id.identifier("id"),
      spec: try RepairJobSpec.require(message.spec, "spec"),
      state: try State(message.state.rawValue, "state"),
      createdAt: try Timestamp.require(message.created_at, "created_at"),
      finishedAt: try Timestamp.read(message.finished_at, "finished_at"),
      matched: message.matched, remaining: message.remaining, failed: message.failed,
      repaired: message.repaired)
  }

  func fill(_ message: inout Progressor__V1__RepairJob, in arena: inout ProtobufArena) {
    message.id = arena.make(id)
    message.spec = arena.make(spec)
    message.state = Progressor__V1__RepairJobState(rawValue: UInt32(bitPattern: state.rawValue))
    message.created_at = arena.make(createdAt)
    message.finished_at = arena.make(finishedAt)
    message.matched = matched
    message.remaining = remaining
    message.failed = failed
    message.repaired = repaired
  }
}

extension RepairJobFailure: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__RepairJobFailure>?) -> Void {
    progressor__v1__repair_job_failure__init
  }

  init(_ message: Progressor__V1__RepairJobFailure) throws(ProtobufError) {
    self.init(
      machine: try message.machine_id.identifier("machine_id"), code: message.code,
      reason: try message.reason.text("reason"), message: try message.message.text("message"),
      at: try Timestamp.require(message.at, "at"))
  }

  func fill(_ message: inout Progressor__V1__RepairJobFailure, in arena: inout ProtobufArena) {
    message.machine_id = arena.make(machine)
    message.code = code
    message.reason = arena.make(reason)
    message.message = arena.make(self.message)
    message.at = arena.make(at)
  }
}

extension RepairJobMachine: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__RepairJobMachine>?) -> Void {
    progressor__v1__repair_job_machine__init
  }

  init(_ message: Progressor__V1__RepairJobMachine) throws(ProtobufError) {
    self.init(
      machine: try message.machine_id.identifier("machine_id"),
      failedAt: try Timestamp.require(message.failed_at, "failed_at"),
      failureReason: try message.failure_reason.text("failure_reason"))
  }

  func fill(_ message: inout Progressor__V1__RepairJobMachine, in arena: inout ProtobufArena) {
    message.machine_id = arena.make(machine)
    message.failed_at = arena.make(failedAt)
    message.failure_reason = arena.make(failureReason)
  }
}
