import CProgressorProto
public import MachineModel

/// Request of `RepairJobs.Get`.
public struct GetRepairJobRequest: ProtobufMessage {
  /// The job's id.
  public var id: String

  public init(id: String) {
    self.id = id
  }
}

extension GetRepairJobRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__GetRepairJobRequest>?) -> Void {
    progressor__v1__get_repair_job_request__init
  }

  init(_ message: Progressor__V1__GetRepairJobRequest) throws(ProtobufError) {
    id = try message.id.identifier("id")
  }

  func fill(_ message: inout Progressor__V1__GetRepairJobRequest, in arena: inout ProtobufArena) {
    message.id = arena.make(id)
  }
}

/// Response of `RepairJobs.Get`.
public struct GetRepairJobResponse: ProtobufMessage {
  /// The job.
  public var job: RepairJob

  public init(job: RepairJob) {
    self.job = job
  }
}

extension GetRepairJobResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__GetRepairJobResponse>?) -> Void {
    progressor__v1__get_repair_job_response__init
  }

  init(_ message: Progressor__V1__GetRepairJobResponse) throws(ProtobufError) {
    job = try RepairJob.require(message.job, "job")
  }

  func fill(_ message: inout Progressor__V1__GetRepairJobResponse, in arena: inout ProtobufArena) {
    message.job = arena.make(job)
  }
}
