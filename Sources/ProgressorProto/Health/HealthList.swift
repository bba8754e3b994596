import CProgressorProto
public import MachineModel

/// Request of `grpc.health.v1.Health`'s List.
public struct HealthListRequest: ProtobufMessage {
  public init() {}
}

extension HealthListRequest: EmptyShape {
  static var initialize: (UnsafeMutablePointer<Grpc__Health__V1__HealthListRequest>?) -> Void {
    grpc__health__v1__health_list_request__init
  }
}

/// Response of `grpc.health.v1.Health`'s List.
public struct HealthListResponse: ProtobufMessage {
  /// Services by their full names; empty = the whole server. At most 100.
  public var statuses: [ExactText: ServingStatus]

  public init(statuses: [ExactText: ServingStatus]) {
    self.statuses = statuses
  }
}

extension HealthListResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Grpc__Health__V1__HealthListResponse>?) -> Void {
    grpc__health__v1__health_list_response__init
  }

  init(_ message: Grpc__Health__V1__HealthListResponse) throws(ProtobufError) {
    let entries = try HealthListEntry.readAll(
      message.statuses, count: message.n_statuses, "statuses")
    statuses = Dictionary(entries.map { (ExactText($0.service), $0.response.status) }) {
      _, last in last
    }
  }

  func fill(_ message: inout Grpc__Health__V1__HealthListResponse, in arena: inout ProtobufArena) {
    let entries = statuses.sorted { $0.key < $1.key }.map { service, status in
      HealthListEntry(service: service.text, response: HealthCheckResponse(status: status))
    }
    message.statuses = arena.makeAll(entries)
    message.n_statuses = entries.count
  }
}

/// An entry of the map `HealthListResponse.statuses`.
private struct HealthListEntry: CRepresentable {
  var service: String
  var response: HealthCheckResponse

  init(service: String, response: HealthCheckResponse) {
    self.service = service
    self.response = response
  }

  static var initialize:
    (UnsafeMutablePointer<Grpc__Health__V1__HealthListResponse__StatusesEntry>?) -> Void
  {
    grpc__health__v1__health_list_response__statuses_entry__init
  }

  init(
    _ message: Grpc__Health__V1__HealthListResponse__StatusesEntry
  ) throws(ProtobufError) {
    service = try message.key.text("key")
    response = try HealthCheckResponse.require(message.value, "value")
  }

  func fill(
    _ message: inout Grpc__Health__V1__HealthListResponse__StatusesEntry,
    in arena: inout ProtobufArena
  ) {
    message.key = arena.make(service)
    message.value = arena.make(response)
  }
}
