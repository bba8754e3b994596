import CProgressorProto

/// Request of `Namespaces.Delete`.
public struct DeleteNamespaceRequest: ProtobufMessage {
  /// Its name.
  public var name: String

  public init(name: String) {
    self.name = name
  }
}

extension DeleteNamespaceRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__DeleteNamespaceRequest>?) -> Void {
    progressor__v1__delete_namespace_request__init
  }

  init(_ message: Progressor__V1__DeleteNamespaceRequest) throws(ProtobufError) {
    name = try message.name.identifier("name")
  }

  func fill(_ message: inout Progressor__V1__DeleteNamespaceRequest, in arena: inout ProtobufArena)
  {
    message.name = arena.make(name)
  }
}

/// Response of `Namespaces.Delete`.
public struct DeleteNamespaceResponse: ProtobufMessage {
  public init() {}
}

extension DeleteNamespaceResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__DeleteNamespaceResponse>?) -> Void {
    progressor__v1__delete_namespace_response__init
  }

  init(_ message: Progressor__V1__DeleteNamespaceResponse) throws(ProtobufError) {}

  func fill(_ message: inout Progressor__V1__DeleteNamespaceResponse, in arena: inout ProtobufArena)
  {}
}
