import CProgressorProto
public import MachineModel

/// Request of `RepairJobs.ListRemaining`.
public struct ListRepairJobRemainingRequest: ProtobufMessage {
  /// The job's id.
  public var id: String
  /// The most machines of a page, 0 = the default of the server.
  public var pageSize: Int32
  /// Of the page before; empty = the first page.
  public var pageToken: String

  public init(id: String, pageSize: Int32 = 0, pageToken: String = "") {
    self.id = id
    self.pageSize = pageSize
    self.pageToken = pageToken
  }
}

extension ListRepairJobRemainingRequest: RepairJobPageShape {
  static var initialize:
    (UnsafeMutablePointer<Progressor__V1__ListRepairJobRemainingRequest>?) -> Void
  {
    progressor__v1__list_repair_job_remaining_request__init
  }
}

extension Progressor__V1__ListRepairJobRemainingRequest: RepairJobIDFields, PageFields {}

/// Response of `RepairJobs.ListRemaining`.
public struct ListRepairJobRemainingResponse: ProtobufMessage {
  /// The machines.
  public var machines: [RepairJobMachine]
  /// For the next page; empty = this is the last one.
  public var nextPageToken: String

  public init(machines: [RepairJobMachine], nextPageToken: String = "") {
    self.machines = machines
    self.nextPageToken = nextPageToken
  }
}

extension ListRepairJobRemainingResponse: CRepresentable {
  static var initialize:
    (UnsafeMutablePointer<Progressor__V1__ListRepairJobRemainingResponse>?) -> Void
  {
    progressor__v1__list_repair_job_remaining_response__init
  }

  static var budget: DecodingBudget { .machine }

  init(_ message: Progressor__V1__ListRepairJobRemainingResponse) throws(ProtobufError) {
    machines = try RepairJobMachine.readAll(
      message.machines, count: message.n_machines, "machines")
    nextPageToken = try message.next_page_token.text("next_page_token")
  }

  func fill(
    _ message: inout Progressor__V1__ListRepairJobRemainingResponse, in arena: inout ProtobufArena
  ) {
    message.machines = arena.makeAll(machines)
    message.n_machines = machines.count
    message.next_page_token = arena.make(nextPageToken)
  }
}
