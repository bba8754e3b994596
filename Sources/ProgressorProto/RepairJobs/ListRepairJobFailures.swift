import CProgressorProto
public import MachineModel

/// Request of `RepairJobs.ListFailures`.
public struct ListRepairJobFailuresRequest: ProtobufMessage {
  /// The job's id.
  public var id: String
  /// The most failures of a page, 0 = the default of the server.
  public var pageSize: Int32
  /// Of the page before; empty = the first page.
  public var pageToken: String

  public init(id: String, pageSize: Int32 = 0, pageToken: String = "") {
    self.id = id
    self.pageSize = pageSize
    self.pageToken = pageToken
  }
}

extension ListRepairJobFailuresRequest: RepairJobPageShape {
  static var initialize:
    (UnsafeMutablePointer<Progressor__V1__ListRepairJobFailuresRequest>?) -> Void
  {
    progressor__v1__list_repair_job_failures_request__init
  }
}

extension Progressor__V1__ListRepairJobFailuresRequest: RepairJobIDFields, PageFields {}

/// Response of `RepairJobs.ListFailures`.
public struct ListRepairJobFailuresResponse: ProtobufMessage {
  /// The machines.
  public var failures: [RepairJobFailure]
  /// For the next page; empty = this is the last one.
  public var nextPageToken: String

  public init(failures: [RepairJobFailure], nextPageToken: String = "") {
    self.failures = failures
    self.nextPageToken = nextPageToken
  }
}

extension ListRepairJobFailuresResponse: CRepresentable {
  static var initialize:
    (UnsafeMutablePointer<Progressor__V1__ListRepairJobFailuresResponse>?) -> Void
  {
    progressor__v1__list_repair_job_failures_response__init
  }

  static var budget: DecodingBudget { .machine }

  init(_ message: Progressor__V1__ListRepairJobFailuresResponse) throws(ProtobufError) {
    failures = try RepairJobFailure.readAll(
      message.failures, count: message.n_failures, "failures")
    nextPageToken = try message.next_page_token.text("next_page_token")
  }

  func fill(
    _ message: inout Progressor__V1__ListRepairJobFailuresResponse, in arena: inout ProtobufArena
  ) {
    message.failures = arena.makeAll(failures)
    message.n_failures = failures.count
    message.next_page_token = arena.make(nextPageToken)
  }
}
