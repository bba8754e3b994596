import CProgressorProto
public import MachineModel

/// Request of `Namespaces.Pause`.
public struct PauseNamespaceRequest: ProtobufMessage {
  /// Its name.
  public var name: String
  /// Why, for people; at most `Pause.maximumReasonBytes`.
  public var reason: String

  public init(name: String, reason: String = "") {
    self.name = name
    self.reason = reason
  }
}

extension PauseNamespaceRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__PauseNamespaceRequest>?) -> Void {
    progressor__v1__pause_namespace_request__init
  }

  init(_ message: Progressor__V1__PauseNamespaceRequest) throws(ProtobufError) {
    name = try message.name.identifier("name")
    reason = try Pause.reason(message.reason)
  }

  func fill(_ message: inout Progressor__V1__PauseNamespaceRequest, in arena: inout ProtobufArena) {
    message.name = arena.make(name)
    message.reason = arena.make(reason)
  }
}

/// Response of `Namespaces.Pause`.
public struct PauseNamespaceResponse: ProtobufMessage {
  /// The namespace as stored.
  public var namespace: Namespace

  public init(namespace: Namespace) {
    self.namespace = namespace
  }
}

extension PauseNamespaceResponse: NamespaceShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__PauseNamespaceResponse>?) -> Void {
    progressor__v1__pause_namespace_response__init
  }
}

extension Progressor__V1__PauseNamespaceResponse: NamespaceFields {}
