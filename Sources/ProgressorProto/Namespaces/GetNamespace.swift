import CProgressorProto
public import MachineModel

/// Request of `Namespaces.Get`.
public struct GetNamespaceRequest: ProtobufMessage {
  /// Its name.
  public var name: String

  public init(name: String) {
    self.name = name
  }
}

extension GetNamespaceRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__GetNamespaceRequest>?) -> Void {
    progressor__v1__get_namespace_request__init
  }

  init(_ message: Progressor__V1__GetNamespaceRequest) throws(ProtobufError) {
    name = try message.name.identifier("name")
  }

  func fill(_ message: inout Progressor__V1__GetNamespaceRequest, in arena: inout ProtobufArena) {
    message.name = arena.make(name)
  }
}

/// Response of `Namespaces.Get`.
public struct GetNamespaceResponse: ProtobufMessage {
  /// The namespace.
  public var namespace: Namespace

  public init(namespace: Namespace) {
    self.namespace = namespace
  }
}

extension GetNamespaceResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__GetNamespaceResponse>?) -> Void {
    progressor__v1__get_namespace_response__init
  }

  init(_ message: Progressor__V1__GetNamespaceResponse) throws(ProtobufError) {
    namespace = try Namespace.require(message.namespace_, "namespace")
  }

  func fill(_ message: inout Progressor__V1__GetNamespaceResponse, in arena: inout ProtobufArena) {
    message.namespace_ = arena.make(namespace)
  }
}
