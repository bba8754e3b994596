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

extension CancelRepairJobRequest: RepairJobIDShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__CancelRepairJobRequest>?) -> Void {
    progressor__v1__cancel_repair_job_request__init
  }
}

extension Progressor__V1__CancelRepairJobRequest: RepairJobIDFields {}

/// Response of `RepairJobs.Cancel`.
public struct CancelRepairJobResponse: ProtobufMessage {
  /// The job.
  public var job: RepairJob

  public init(job: RepairJob) {
    self.job = job
  }
}

extension CancelRepairJobResponse: RepairJobShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__CancelRepairJobResponse>?) -> Void {
    progressor__v1__cancel_repair_job_response__init
  }
}

extension Progressor__V1__CancelRepairJobResponse: RepairJobFields {}
