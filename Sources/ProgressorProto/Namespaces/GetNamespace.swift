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

extension GetNamespaceRequest: NamespaceNameShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__GetNamespaceRequest>?) -> Void {
    progressor__v1__get_namespace_request__init
  }
}

extension Progressor__V1__GetNamespaceRequest: NamespaceNameFields {}

/// Response of `Namespaces.Get`.
public struct GetNamespaceResponse: ProtobufMessage {
  /// The namespace.
  public var namespace: Namespace

  public init(namespace: Namespace) {
    self.namespace = namespace
  }
}

extension GetNamespaceResponse: NamespaceShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__GetNamespaceResponse>?) -> Void {
    progressor__v1__get_namespace_response__init
  }
}

extension Progressor__V1__GetNamespaceResponse: NamespaceFields {}
