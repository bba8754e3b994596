import CProgressorProto
public import MachineModel

/// Request of `RepairJobs.Cancel`.
public struct CancelRepairJobRequest: ProtobufMessage {
  /// The job's id.
  public var id: String

  public init(id: String) {
    self.id = id
  }
}

extension CancelRepairJobRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__CancelRepairJobRequest>?) -> Void {
    progressor__v1__cancel_repair_job_request__init
  }

  init(_ message: Progressor__V1__CancelRepairJobRequest) throws(ProtobufError) {
    id = try message.id.identifier("id")
  }

  func fill(_ message: inout Progressor__V1__CancelRepairJobRequest, in arena: inout ProtobufArena)
  {
    message.id = arena.make(id)
  }
}

/// Response of `RepairJobs.Cancel`.
public struct CancelRepairJobResponse: ProtobufMessage {
  /// The job.
  public var job: RepairJob

  public init(job: RepairJob) {
    self.job = job
  }
}

extension CancelRepairJobResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__CancelRepairJobResponse>?) -> Void {
    progressor__v1__cancel_repair_job_response__init
  }

  init(_ message: Progressor__V1__CancelRepairJobResponse) throws(ProtobufError) {
    job = try RepairJob.require(message.job, "job")
  }

  func fill(_ message: inout Progressor__V1__CancelRepairJobResponse, in arena: inout ProtobufArena)
  {
    message.job = arena.make(job)
  }
}
