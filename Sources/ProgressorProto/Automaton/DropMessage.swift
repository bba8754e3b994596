import CProgressorProto
public import MachineModel

/// Request of `Automaton.DropMessage`.
public struct DropMessageRequest: ProtobufMessage {
  /// The machine that sent it.
  public var machineID: MachineID
  /// Its number among those of its sender.
  public var number: Int64

  public init(machineID: MachineID, number: Int64) {
    self.machineID = machineID
    self.number = number
  }
}

extension DropMessageRequest: NumberedShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__DropMessageRequest>?) -> Void {
    progressor__v1__drop_message_request__init
  }
}

extension Progressor__V1__DropMessageRequest: NumberedFields {}

/// Response of `Automaton.DropMessage`.
public struct DropMessageResponse: ProtobufMessage {
  public init() {}
}

extension DropMessageResponse: EmptyShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__DropMessageResponse>?) -> Void {
    progressor__v1__drop_message_response__init
  }
}
