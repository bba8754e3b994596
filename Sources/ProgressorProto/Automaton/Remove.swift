import CProgressorProto
public import MachineModel

/// Request of `Automaton.Remove`.
public struct RemoveRequest: ProtobufMessage {
  /// The machine.
  public var machineID: MachineID

  public init(machineID: MachineID) {
    self.machineID = machineID
  }
}

extension RemoveRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__RemoveRequest>?) -> Void {
    progressor__v1__remove_request__init
  }

  init(_ message: Progressor__V1__RemoveRequest) throws(ProtobufError) {
    machineID = MachineID(
      namespace: try message.namespace_.identifier("namespace"),
      id: try message.id.identifier("id"))
  }

  func fill(_ message: inout Progressor__V1__RemoveRequest, in arena: inout ProtobufArena) {
    message.namespace_ = arena.make(machineID.namespace)
    message.id = arena.make(machineID.id)
  }
}

/// Response of `Automaton.Remove`.
public struct RemoveResponse: ProtobufMessage {
  public init() {}
}

extension RemoveResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__RemoveResponse>?) -> Void {
    progressor__v1__remove_response__init
  }

  init(_ message: Progressor__V1__RemoveResponse) throws(ProtobufError) {}

  func fill(_ message: inout Progressor__V1__RemoveResponse, in arena: inout ProtobufArena) {}
}
