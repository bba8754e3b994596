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

extension CreateNamespaceRequest: NamespaceShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__CreateNamespaceRequest>?) -> Void {
    progressor__v1__create_namespace_request__init
  }
}

extension Progressor__V1__CreateNamespaceRequest: NamespaceFields {}

/// Response of `Namespaces.Create`.
public struct CreateNamespaceResponse: ProtobufMessage {
  /// The namespace as stored.
  public var namespace: Namespace

  public init(namespace: Namespace) {
    self.namespace = namespace
  }
}

extension CreateNamespaceResponse: NamespaceShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__CreateNamespaceResponse>?) -> Void {
    progressor__v1__create_namespace_response__init
  }
}

extension Progressor__V1__CreateNamespaceResponse: NamespaceFields {}
