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

extension SimpleRepairRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__SimpleRepairRequest>?) -> Void {
    progressor__v1__simple_repair_request__init
  }

  init(_ message: Progressor__V1__SimpleRepairRequest) throws(ProtobufError) {
    machineID = MachineID(
      namespace: try message.namespace_.identifier("namespace"),
      id: try message.id.identifier("id"))
  }

  func fill(_ message: inout Progressor__V1__SimpleRepairRequest, in arena: inout ProtobufArena) {
    message.namespace_ = arena.make(machineID.namespace)
    message.id = arena.make(machineID.id)
  }
}

/// Response of `Automaton.SimpleRepair`.
public struct SimpleRepairResponse: ProtobufMessage {
  public init() {}
}

extension SimpleRepairResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__SimpleRepairResponse>?) -> Void {
    progressor__v1__simple_repair_response__init
  }

  init(_ message: Progressor__V1__SimpleRepairResponse) throws(ProtobufError) {}

  func fill(_ message: inout Progressor__V1__SimpleRepairResponse, in arena: inout ProtobufArena) {}
}
