import CProgressorProto
public import MachineModel

/// Request of `Namespaces.Resume`.
public struct ResumeNamespaceRequest: ProtobufMessage {
  /// Its name.
  public var name: String

  public init(name: String) {
    self.name = name
  }
}

extension ResumeNamespaceRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ResumeNamespaceRequest>?) -> Void {
    progressor__v1__resume_namespace_request__init
  }

  init(_ message: Progressor__V1__ResumeNamespaceRequest) throws(ProtobufError) {
    name = try message.name.identifier("name")
  }

  func fill(_ message: inout Progressor__V1__ResumeNamespaceRequest, in arena: inout ProtobufArena)
  {
    message.name = arena.make(name)
  }
}

/// Response of `Namespaces.Resume`.
public struct ResumeNamespaceResponse: ProtobufMessage {
  /// The namespace as stored.
  public var namespace: Namespace

  public init(namespace: Namespace) {
    self.namespace = namespace
  }
}

extension ResumeNamespaceResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ResumeNamespaceResponse>?) -> Void {
    progressor__v1__resume_namespace_response__init
  }

  init(_ message: Progressor__V1__ResumeNamespaceResponse) throws(ProtobufError) {
    namespace = try Namespace.require(message.namespace_, "namespace")
  }

  func fill(_ message: inout Progressor__V1__ResumeNamespaceResponse, in arena: inout ProtobufArena)
  {
    message.namespace_ = arena.make(namespace)
  }
}
