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

extension RemoveRequest: MachineShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__RemoveRequest>?) -> Void {
    progressor__v1__remove_request__init
  }
}

extension Progressor__V1__RemoveRequest: MachineFields {}

/// Response of `Automaton.Remove`.
public struct RemoveResponse: ProtobufMessage {
  public init() {}
}

extension RemoveResponse: EmptyShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__RemoveResponse>?) -> Void {
    progressor__v1__remove_response__init
  }
}
