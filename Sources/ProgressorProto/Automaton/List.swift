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

  public init(
    namespace: String, statusFilter: StatusFilter = .any, idPrefix: String = "",
    pageSize: Int32 = 0, pageToken: String = ""
  ) {
    self.namespace = namespace
    self.statusFilter = statusFilter
    self.idPrefix = idPrefix
    self.pageSize = pageSize
    self.pageToken = pageToken
  }
}

extension ListRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ListRequest>?) -> Void {
    progressor__v1__list_request__init
  }

  init(_ message: Progressor__V1__ListRequest) throws(ProtobufError) {
    namespace = try message.namespace_.identifier("namespace")
    let filter = Int32(bitPattern: message.status_filter.rawValue)
    guard let known = StatusFilter(rawValue: filter) else {
      throw .invalid("status_filter", "has an unknown value")
    }
    statusFilter = known
    idPrefix = try message.id_prefix.text("id_prefix")
    if message.page_size < 0 { throw .invalid("page_size", "must not be negative") }
    pageSize = message.page_size
    pageToken = try message.page_token.text("page_token")
  }

  func fill(_ message: inout Progressor__V1__ListRequest, in arena: inout ProtobufArena) {
    message.namespace_ = arena.make(namespace)
    message.status_filter = Progressor__V1__StatusFilter(
      rawValue: UInt32(bitPattern: statusFilter.rawValue))
    message.id_prefix = arena.make(idPrefix)
    message.page_size = pageSize
    message.page_token = arena.make(pageToken)
  }
}

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
