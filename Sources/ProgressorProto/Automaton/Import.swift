import CProgressorProto
public import MachineModel

/// One message of the request of `Automaton.Import`.
public struct ImportRequest: ProtobufMessage {
  /// The namespace; of later messages empty, or the same.
  public var namespace: String
  /// The next pieces of the machine.
  public var parts: [MachinePart]

  public init(namespace: String, parts: [MachinePart]) {
    self.namespace = namespace
    self.parts = parts
  }
}

extension ImportRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ImportRequest>?) -> Void {
    progressor__v1__import_request__init
  }

  init(_ message: Progressor__V1__ImportRequest) throws(ProtobufError) {
    namespace = message.namespace_.len == 0 ? "" : try message.namespace_.identifier("namespace")
    parts = try MachinePart.readAll(message.parts, count: message.n_parts, "parts")
  }

  func fill(_ message: inout Progressor__V1__ImportRequest, in arena: inout ProtobufArena) {
    message.namespace_ = arena.make(namespace)
    message.parts = arena.makeAll(parts)
    message.n_parts = parts.count
  }
}

/// The response of `Automaton.Import`.
public struct ImportResponse: ProtobufMessage {
  public init() {}
}

extension ImportResponse: EmptyShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ImportResponse>?) -> Void {
    progressor__v1__import_response__init
  }
}
