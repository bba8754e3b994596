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

extension ResumeNamespaceRequest: NamespaceNameShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ResumeNamespaceRequest>?) -> Void {
    progressor__v1__resume_namespace_request__init
  }
}

extension Progressor__V1__ResumeNamespaceRequest: NamespaceNameFields {}

/// Response of `Namespaces.Resume`.
public struct ResumeNamespaceResponse: ProtobufMessage {
  /// The namespace as stored.
  public var namespace: Namespace

  public init(namespace: Namespace) {
    self.namespace = namespace
  }
}

extension ResumeNamespaceResponse: NamespaceShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ResumeNamespaceResponse>?) -> Void {
    progressor__v1__resume_namespace_response__init
  }
}

extension Progressor__V1__ResumeNamespaceResponse: NamespaceFields {}
