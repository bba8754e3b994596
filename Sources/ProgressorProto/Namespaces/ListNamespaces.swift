import CProgressorProto
public import MachineModel

/// Request of `Namespaces.List`.
public struct ListNamespacesRequest: ProtobufMessage {
  public init() {}
}

extension ListNamespacesRequest: EmptyShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ListNamespacesRequest>?) -> Void {
    progressor__v1__list_namespaces_request__init
  }
}

/// Response of `Namespaces.List`.
public struct ListNamespacesResponse: ProtobufMessage {
  /// All namespaces.
  public var namespaces: [Namespace]

  public init(namespaces: [Namespace]) {
    self.namespaces = namespaces
  }
}

extension ListNamespacesResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ListNamespacesResponse>?) -> Void {
    progressor__v1__list_namespaces_response__init
  }

  init(_ message: Progressor__V1__ListNamespacesResponse) throws(ProtobufError) {
    namespaces = try Namespace.readAll(
      message.namespaces, count: message.n_namespaces, "namespaces")
  }

  func fill(_ message: inout Progressor__V1__ListNamespacesResponse, in arena: inout ProtobufArena)
  {
    message.namespaces = arena.makeAll(namespaces)
    message.n_namespaces = namespaces.count
  }
}
