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

extension GetRepairJobRequest: RepairJobIDShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__GetRepairJobRequest>?) -> Void {
    progressor__v1__get_repair_job_request__init
  }
}

extension Progressor__V1__GetRepairJobRequest: RepairJobIDFields {}

/// Response of `RepairJobs.Get`.
public struct GetRepairJobResponse: ProtobufMessage {
  /// The job.
  public var job: RepairJob

  public init(job: RepairJob) {
    self.job = job
  }
}

extension GetRepairJobResponse: RepairJobShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__GetRepairJobResponse>?) -> Void {
    progressor__v1__get_repair_job_response__init
  }
}

extension Progressor__V1__GetRepairJobResponse: RepairJobFields {}
