// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CProgressorProto
import CProtobufC
import MachineModel

// A shape is what several messages are, field for field. Each of them says which it has, and its
// struct that it has the fields, which have the names that protoc-c gave them.

/// The field that names a namespace.
protocol NamespaceNameFields {
  var name: ProtobufCBinaryData { get set }
}

/// A request that names a namespace, and nothing else.
protocol NamespaceNameShape: CRepresentable where CMessage: NamespaceNameFields {
  var name: String { get }
  init(name: String)
}

extension NamespaceNameShape {
  init(_ message: CMessage) throws(ProtobufError) {
    self.init(name: try message.name.identifier("name"))
  }

  func fill(_ message: inout CMessage, in arena: inout ProtobufArena) {
    message.name = arena.make(name)
  }
}

/// The field that holds a namespace.
protocol NamespaceFields {
  var namespace_: UnsafeMutablePointer<Progressor__V1__Namespace>! { get set }
}

/// A request or a response that is a namespace.
protocol NamespaceShape: CRepresentable where CMessage: NamespaceFields {
  var namespace: Namespace { get }
  init(namespace: Namespace)
}

extension NamespaceShape {
  init(_ message: CMessage) throws(ProtobufError) {
    self.init(namespace: try Namespace.require(message.namespace_, "namespace"))
  }

  func fill(_ message: inout CMessage, in arena: inout ProtobufArena) {
    message.namespace_ = arena.make(namespace)
  }
}
