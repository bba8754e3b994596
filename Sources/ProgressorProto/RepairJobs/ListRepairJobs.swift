import CProgressorProto
public import MachineModel

/// Request of `RepairJobs.List`.
public struct ListRepairJobsRequest: ProtobufMessage {
  /// Only jobs of this namespace, nil = all.
  public var namespace: String?
  /// The most jobs of a page, 0 = the default of the server.
  public var pageSize: Int32
  /// Of the page before; empty = the first page.
  public var pageToken: String

  public init(namespace: String? = nil, pageSize: Int32 = 0, pageToken: String = "") {
    self.namespace = namespace
    self.pageSize = pageSize
    self.pageToken = pageToken
  }
}

extension ListRepairJobsRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ListRepairJobsRequest>?) -> Void {
    progressor__v1__list_repair_jobs_request__init
  }

  init(_ message: Progressor__V1__ListRepairJobsRequest) throws(ProtobufError) {
    namespace =
      message.namespace_.len == 0 ? nil : try message.namespace_.identifier("namespace")
    pageSize = try message.pageSize()
    pageToken = try message.pageToken()
  }

  func fill(_ message: inout Progressor__V1__ListRepairJobsRequest, in arena: inout ProtobufArena) {
    message.namespace_ = arena.make(namespace ?? "")
    message.setPage(size: pageSize, token: pageToken, in: &arena)
  }
}

extension Progressor__V1__ListRepairJobsRequest: PageFields {}

/// Response of `RepairJobs.List`.
public struct ListRepairJobsResponse: ProtobufMessage {
  /// The jobs, the newest first.
  public var jobs: [RepairJob]
  /// For the next page; empty = this is the last one.
  public var nextPageToken: String

  public init(jobs: [RepairJob], nextPageToken: String = "") {
    self.jobs = jobs
    self.nextPageToken = nextPageToken
  }
}

extension ListRepairJobsResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ListRepairJobsResponse>?) -> Void {
    progressor__v1__list_repair_jobs_response__init
  }

  init(_ message: Progressor__V1__ListRepairJobsResponse) throws(ProtobufError) {
    jobs = try RepairJob.readAll(
      message.jobs, count: message.n_jobs, "jobs")
    nextPageToken = try message.next_page_token.text("next_page_token")
  }

  func fill(_ message: inout Progressor__V1__ListRepairJobsResponse, in arena: inout ProtobufArena)
  {
    message.jobs = arena.makeAll(jobs)
    message.n_jobs = jobs.count
    message.next_page_token = arena.make(nextPageToken)
  }
}
