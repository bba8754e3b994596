import CProgressorProto
import MachineModel

extension RepairJobSpec: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__RepairJobSpec>?) -> Void {
    progressor__v1__repair_job_spec__init
  }

  init(_ message: Progressor__V1__RepairJobSpec) throws(ProtobufError) {
    self.init(
      namespace: try message.namespace_.identifier("namespace"),
      failedSince: try Timestamp.require(message.failed_since, "failed_since"),
      failedUntil: try Timestamp.read(message.failed_until, "failed_until"),
      idPrefix: try message.id_prefix.text("id_prefix"),
      failureContains: try message.failure_contains.text("failure_contains"),
      method: try Self.method(of: message), rate: message.rate, dryRun: message.dry_run != 0,
      reason: try message.reason.text("reason"),
      requestedBy: try message.requested_by.text("requested_by"))
    if let fault { throw .invalid(fault.field, fault.problem) }
  }

  private static func method(
    of message: Progressor__V1__RepairJobSpec
  ) throws(ProtobufError) -> Method {
    switch message.method_case {
    case PROGRESSOR__V1__REPAIR_JOB_SPEC__METHOD_SIMPLE:
      return .simple
    case PROGRESSOR__V1__REPAIR_JOB_SPEC__METHOD_PROCESSOR:
      return .processor(
        args: try ProcessorRepairMethod.require(message.processor, "processor").args)
    default:
      throw .invalid("method", "must be set: simple or processor")
    }
  }

  func fill(_ message: inout Progressor__V1__RepairJobSpec, in arena: inout ProtobufArena) {
    message.namespace_ = arena.make(namespace)
    message.failed_since = arena.make(failedSince)
    message.failed_until = arena.make(failedUntil)
    message.id_prefix = arena.make(idPrefix)
    message.failure_contains = arena.make(failureContains)
    switch method {
    case .simple:
      message.method_case = PROGRESSOR__V1__REPAIR_JOB_SPEC__METHOD_SIMPLE
      message.simple = arena.make(SimpleRepairMethod())
    case .processor(let args):
      message.method_case = PROGRESSOR__V1__REPAIR_JOB_SPEC__METHOD_PROCESSOR
      message.processor = arena.make(ProcessorRepairMethod(args: args))
    }
    message.rate = rate
    message.dry_run = dryRun ? 1 : 0
    message.reason = arena.make(reason)
    message.requested_by = arena.make(requestedBy)
  }
}

/// `RepairJobSpec.method`, member `simple`.
private struct SimpleRepairMethod: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__SimpleRepairMethod>?) -> Void {
    progressor__v1__simple_repair_method__init
  }

  init() {}

  init(_ message: Progressor__V1__SimpleRepairMethod) throws(ProtobufError) {}

  func fill(_ message: inout Progressor__V1__SimpleRepairMethod, in arena: inout ProtobufArena) {}
}

/// `RepairJobSpec.method`, member `processor`.
private struct ProcessorRepairMethod: CRepresentable {
  var args: [UInt8]

  static var initialize: (UnsafeMutablePointer<Progressor__V1__ProcessorRepairMethod>?) -> Void {
    progressor__v1__processor_repair_method__init
  }

  init(args: [UInt8]) { self.args = args }

  init(_ message: Progressor__V1__ProcessorRepairMethod) throws(ProtobufError) {
    args = message.args.bytes
  }

  func fill(
    _ message: inout Progressor__V1__ProcessorRepairMethod, in arena: inout ProtobufArena
  ) {
    message.args = arena.refer(to: args)
  }
}
