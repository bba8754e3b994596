import CProgressorProto
public import MachineModel

/// Request of `Namespaces.Update`.
public struct UpdateNamespaceRequest: ProtobufMessage {
  /// The namespace as it shall be.
  public var namespace: Namespace

  public init(namespace: Namespace) {
    self.namespace = namespace
  }
}

extension UpdateNamespaceRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__UpdateNamespaceRequest>?) -> Void {
    progressor__v1__update_namespace_request__init
  }

  init(_ message: Progressor__V1__UpdateNamespaceRequest) throws(ProtobufError) {
    namespace = try Namespace.require(message.namespace_, "namespace")
  }

  func fill(_ message: inout Progressor__V1__UpdateNamespaceRequest, in arena: inout ProtobufArena)
  {
    message.namespace_ = arena.make(namespace)
  }
}

/// Response of `Namespaces.Update`.
public struct UpdateNamespaceResponse: ProtobufMessage {
  /// The namespace as stored.
  public var namespace: Namespace

  public init(namespace: Namespace) {
    self.namespace = namespace
  }
}

extension UpdateNamespaceResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__UpdateNamespaceResponse>?) -> Void {
    progressor__v1__update_namespace_response__init
  }

  init(_ message: Progressor__V1__UpdateNamespaceResponse) throws(ProtobufError) {
    namespace = try Namespace.require(message.namespace_, "namespace")
  }

  func fill(_ message: inout Progressor__V1__UpdateNamespaceResponse, in arena: inout ProtobufArena)
  {
    message.namespace_ = arena.make(namespace)
  }
}
