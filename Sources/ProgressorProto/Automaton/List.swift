import CProgressorProto
public import MachineModel

/// Request of `Automaton.List`.
public struct ListRequest: ProtobufMessage {
  /// The namespace.
  public var namespace: String
  /// Only machines of this status.
  public var statusFilter: StatusFilter
  /// Only machines whose id begins so.
  public var idPrefix: String
  /// The most machines of a page, 0 = the default of the server.
  public var pageSize: Int32
  /// Of the page before; empty = the first page.
  public var pageToken: String
  /// Only machines that are failed, and failed then or later.
  public var failedSince: Timestamp?
  /// Only failed machines with this gRPC status code, 0 to 16.
  public var failedCode: Int32?

  public init(
    namespace: String, statusFilter: StatusFilter = .any, idPrefix: String = "",
    pageSize: Int32 = 0, pageToken: String = "", failedSince: Timestamp? = nil,
    failedCode: Int32? = nil
  ) {
    self.namespace = namespace
    self.statusFilter = statusFilter
    self.idPrefix = idPrefix
    self.pageSize = pageSize
    self.pageToken = pageToken
    self.failedSince = failedSince
    self.failedCode = failedCode
  }
}

extension ListRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ListRequest>?) -> Void {
    progressor__v1__list_request__init
  }

  init(_ message: Progressor__V1__ListRequest) throws(ProtobufError) {
    namespace = try message.namespace_.identifier("namespace")
    statusFilter = try StatusFilter(message.status_filter.rawValue, "status_filter")
    idPrefix = try message.id_prefix.text("id_prefix")
    pageSize = try message.pageSize()
    pageToken = try message.pageToken()
    failedSince = try Timestamp.read(message.failed_since, "failed_since")
    if message.optional_failed_code_case
      == PROGRESSOR__V1__LIST_REQUEST__OPTIONAL_FAILED_CODE_FAILED_CODE
    {
      guard Code(rawValue: message.failed_code) != nil else {
        throw .invalid("failed_code", "must be a gRPC status code, 0 to 16")
      }
      failedCode = message.failed_code
    }
  }

  func fill(_ message: inout Progressor__V1__ListRequest, in arena: inout ProtobufArena) {
    message.namespace_ = arena.make(namespace)
    message.status_filter = Progressor__V1__StatusFilter(
      rawValue: UInt32(bitPattern: statusFilter.rawValue))
    message.id_prefix = arena.make(idPrefix)
    message.setPage(size: pageSize, token: pageToken, in: &arena)
    message.failed_since = arena.make(failedSince)
    if let failedCode {
      message.optional_failed_code_case =
        PROGRESSOR__V1__LIST_REQUEST__OPTIONAL_FAILED_CODE_FAILED_CODE
      message.failed_code = failedCode
    }
  }
}

extension Progressor__V1__ListRequest: PageFields {}

/// Response of `Automaton.List`.
public struct ListResponse: ProtobufMessage {
  /// The machines, without their histories.
  public var machines: [Machine]
  /// For the next page; empty = this is the last one.
  public var nextPageToken: String

  public init(machines: [Machine], nextPageToken: String = "") {
    self.machines = machines
    self.nextPageToken = nextPageToken
  }
}

extension ListResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ListResponse>?) -> Void {
    progressor__v1__list_response__init
  }

  static var budget: DecodingBudget { .machine }

  init(_ message: Progressor__V1__ListResponse) throws(ProtobufError) {
    machines = try Machine.readAll(message.machines, count: message.n_machines, "machines")
    nextPageToken = try message.next_page_token.text("next_page_token")
  }

  func fill(_ message: inout Progressor__V1__ListResponse, in arena: inout ProtobufArena) {
    message.machines = arena.makeAll(machines)
    message.n_machines = machines.count
    message.next_page_token = arena.make(nextPageToken)
  }
}
