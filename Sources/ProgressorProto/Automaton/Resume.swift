import CProgressorProto
public import MachineModel

/// Request of `Automaton.Resume`.
public struct ResumeRequest: ProtobufMessage {
  /// The machine.
  public var machineID: MachineID

  public init(machineID: MachineID) {
    self.machineID = machineID
  }
}

extension ResumeRequest: MachineShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ResumeRequest>?) -> Void {
    progressor__v1__resume_request__init
  }
}

extension Progressor__V1__ResumeRequest: MachineFields {}

/// Response of `Automaton.Resume`.
public struct ResumeResponse: ProtobufMessage {
  public init() {}
}

extension ResumeResponse: EmptyShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ResumeResponse>?) -> Void {
    progressor__v1__resume_response__init
  }
}
