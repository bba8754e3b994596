import CProgressorProto

/// Whether a service takes requests. gRPC, doc/health-checking.md.
public enum ServingStatus: Int32, Sendable, Hashable, CaseIterable {
  case unknown = 0
  case serving = 1
  case notServing = 2
  /// Watch of a service that there is not.
  case serviceUnknown = 3
}

/// Request of `grpc.health.v1.Health`'s Check and Watch.
public struct HealthCheckRequest: ProtobufMessage {
  /// A service's full name; empty = the whole server.
  public var service: String

  public init(service: String = "") {
    self.service = service
  }
}

extension HealthCheckRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Grpc__Health__V1__HealthCheckRequest>?) -> Void {
    grpc__health__v1__health_check_request__init
  }

  init(_ message: Grpc__Health__V1__HealthCheckRequest) throws(ProtobufError) {
    service = try message.service.text("service")
  }

  func fill(_ message: inout Grpc__Health__V1__HealthCheckRequest, in arena: inout ProtobufArena) {
    message.service = arena.make(service)
  }
}

/// Response of `grpc.health.v1.Health`'s Check and Watch.
public struct HealthCheckResponse: ProtobufMessage {
  /// The status.
  public var status: ServingStatus

  public init(status: ServingStatus) {
    self.status = status
  }
}

extension HealthCheckResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Grpc__Health__V1__HealthCheckResponse>?) -> Void {
    grpc__health__v1__health_check_response__init
  }

  init(_ message: Grpc__Health__V1__HealthCheckResponse) throws(ProtobufError) {
    let number = Int32(bitPattern: message.status.rawValue)
    guard let status = ServingStatus(rawValue: number) else {
      throw .invalid("status", "has an unknown value")
    }
    self.status = status
  }

  func fill(_ message: inout Grpc__Health__V1__HealthCheckResponse, in arena: inout ProtobufArena) {
    message.status = Grpc__Health__V1__HealthCheckResponse__ServingStatus(
      rawValue: UInt32(bitPattern: status.rawValue))
  }
}
