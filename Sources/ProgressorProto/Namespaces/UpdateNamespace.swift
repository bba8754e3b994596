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

extension UpdateNamespaceRequest: NamespaceShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__UpdateNamespaceRequest>?) -> Void {
    progressor__v1__update_namespace_request__init
  }
}

extension Progressor__V1__UpdateNamespaceRequest: NamespaceFields {}

/// Response of `Namespaces.Update`.
public struct UpdateNamespaceResponse: ProtobufMessage {
  /// The namespace as stored.
  public var namespace: Namespace

  public init(namespace: Namespace) {
    self.namespace = namespace
  }
}

extension UpdateNamespaceResponse: NamespaceShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__UpdateNamespaceResponse>?) -> Void {
    progressor__v1__update_namespace_response__init
  }
}

extension Progressor__V1__UpdateNamespaceResponse: NamespaceFields {}
