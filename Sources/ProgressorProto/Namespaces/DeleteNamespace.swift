import CProgressorProto

/// Request of `Namespaces.Delete`.
public struct DeleteNamespaceRequest: ProtobufMessage {
  /// Its name.
  public var name: String

  public init(name: String) {
    self.name = name
  }
}

extension DeleteNamespaceRequest: NamespaceNameShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__DeleteNamespaceRequest>?) -> Void {
    progressor__v1__delete_namespace_request__init
  }
}

extension Progressor__V1__DeleteNamespaceRequest: NamespaceNameFields {}

/// Response of `Namespaces.Delete`.
public struct DeleteNamespaceResponse: ProtobufMessage {
  public init() {}
}

extension DeleteNamespaceResponse: EmptyShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__DeleteNamespaceResponse>?) -> Void {
    progressor__v1__delete_namespace_response__init
  }
}
