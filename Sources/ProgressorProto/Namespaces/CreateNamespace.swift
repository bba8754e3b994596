import CProgressorProto
public import MachineModel

/// Request of `Namespaces.Create`.
public struct CreateNamespaceRequest: ProtobufMessage {
  /// The namespace to create.
  public var namespace: Namespace

  public init(namespace: Namespace) {
    self.namespace = namespace
  }
}

extension CreateNamespaceRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__CreateNamespaceRequest>?) -> Void {
    progressor__v1__create_namespace_request__init
  }

  init(_ message: Progressor__V1__CreateNamespaceRequest) throws(ProtobufError) {
    namespace = try Namespace.require(message.namespace_, "namespace")
  }

  func fill(_ message: inout Progressor__V1__CreateNamespaceRequest, in arena: inout ProtobufArena)
  {
    message.namespace_ = arena.make(namespace)
  }
}

/// Response of `Namespaces.Create`.
public struct CreateNamespaceResponse: ProtobufMessage {
  /// The namespace as stored.
  public var namespace: Namespace

  public init(namespace: Namespace) {
    self.namespace = namespace
  }
}

extension CreateNamespaceResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__CreateNamespaceResponse>?) -> Void {
    progressor__v1__create_namespace_response__init
  }

  init(_ message: Progressor__V1__CreateNamespaceResponse) throws(ProtobufError) {
    namespace = try Namespace.require(message.namespace_, "namespace")
  }

  func fill(_ message: inout Progressor__V1__CreateNamespaceResponse, in arena: inout ProtobufArena)
  {
    message.namespace_ = arena.make(namespace)
  }
}
