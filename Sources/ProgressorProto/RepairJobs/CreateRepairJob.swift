import CProgressorProto
public import MachineModel

/// Request of `RepairJobs.Create`.
public struct CreateRepairJobRequest: ProtobufMessage {
  /// The job's id, nil = the server chooses one.
  public var id: String?
  /// What to do.
  public var spec: RepairJobSpec

  public init(id: String? = nil, spec: RepairJobSpec) {
    self.id = id
    self.spec = spec
  }
}

extension CreateRepairJobRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__CreateRepairJobRequest>?) -> Void {
    progressor__v1__create_repair_job_request__init
  }

  init(_ message: Progressor__V1__CreateRepairJobRequest) throws(ProtobufError) {
    id = message.id.len == 0 ? nil : try message.id.identifier("id")
    spec = try RepairJobSpec.require(message.spec, "spec")
  }

  func fill(_ message: inout Progressor__V1__CreateRepairJobRequest, in arena: inout ProtobufArena)
  {
    message.id = arena.make(id ?? "")
    message.spec = arena.make(spec)
  }
}

/// Response of `RepairJobs.Create`.
public struct CreateRepairJobResponse: ProtobufMessage {
  /// The job.
  public var job: RepairJob

  public init(job: RepairJob) {
    self.job = job
  }
}

extension CreateRepairJobResponse: RepairJobShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__CreateRepairJobResponse>?) -> Void {
    progressor__v1__create_repair_job_response__init
  }
}

extension Progressor__V1__CreateRepairJobResponse: RepairJobFields {}
