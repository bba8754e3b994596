import CProgressorProto
public import MachineModel

/// Request of `Automaton.SimpleRepair`.
public struct SimpleRepairRequest: ProtobufMessage {
  /// The machine.
  public var machineID: MachineID

  public init(machineID: MachineID) {
    self.machineID = machineID
  }
}

extension SimpleRepairRequest: MachineShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__SimpleRepairRequest>?) -> Void {
    progressor__v1__simple_repair_request__init
  }
}

extension Progressor__V1__SimpleRepairRequest: MachineFields {}

/// Response of `Automaton.SimpleRepair`.
public struct SimpleRepairResponse: ProtobufMessage {
  public init() {}
}

extension SimpleRepairResponse: EmptyShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__SimpleRepairResponse>?) -> Void {
    progressor__v1__simple_repair_response__init
  }
}
