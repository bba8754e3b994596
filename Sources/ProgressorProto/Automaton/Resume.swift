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

extension ResumeRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ResumeRequest>?) -> Void {
    progressor__v1__resume_request__init
  }

  init(_ message: Progressor__V1__ResumeRequest) throws(ProtobufError) {
    machineID = MachineID(
      namespace: try message.namespace_.identifier("namespace"),
      id: try message.id.identifier("id"))
  }

  func fill(_ message: inout Progressor__V1__ResumeRequest, in arena: inout ProtobufArena) {
    message.namespace_ = arena.make(machineID.namespace)
    message.id = arena.make(machineID.id)
  }
}

/// Response of `Automaton.Resume`.
public struct ResumeResponse: ProtobufMessage {
  public init() {}
}

extension ResumeResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ResumeResponse>?) -> Void {
    progressor__v1__resume_response__init
  }

  init(_ message: Progressor__V1__ResumeResponse) throws(ProtobufError) {}

  func fill(_ message: inout Progressor__V1__ResumeResponse, in arena: inout ProtobufArena) {}
}
