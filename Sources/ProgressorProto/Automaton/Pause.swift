import CProgressorProto
public import MachineModel

/// Request of `Automaton.Pause`.
public struct PauseRequest: ProtobufMessage {
  /// The machine.
  public var machineID: MachineID
  /// Why, for people; at most `Pause.maximumReasonBytes`.
  public var reason: String

  public init(machineID: MachineID, reason: String = "") {
    self.machineID = machineID
    self.reason = reason
  }
}

extension PauseRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__PauseRequest>?) -> Void {
    progressor__v1__pause_request__init
  }

  init(_ message: Progressor__V1__PauseRequest) throws(ProtobufError) {
    machineID = try message.machineID()
    reason = try Pause.reason(message.reason)
  }

  func fill(_ message: inout Progressor__V1__PauseRequest, in arena: inout ProtobufArena) {
    message.set(machineID, in: &arena)
    message.reason = arena.make(reason)
  }
}

extension Progressor__V1__PauseRequest: MachineFields {}

/// Response of `Automaton.Pause`.
public struct PauseResponse: ProtobufMessage {
  public init() {}
}

extension PauseResponse: EmptyShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__PauseResponse>?) -> Void {
    progressor__v1__pause_response__init
  }
}
