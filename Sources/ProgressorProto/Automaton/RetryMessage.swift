import CProgressorProto
public import MachineModel

/// Request of `Automaton.RetryMessage`.
public struct RetryMessageRequest: ProtobufMessage {
  /// The machine that sent it.
  public var machineID: MachineID
  /// Its number among those of its sender.
  public var number: Int64

  public init(machineID: MachineID, number: Int64) {
    self.machineID = machineID
    self.number = number
  }
}

extension RetryMessageRequest: NumberedShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__RetryMessageRequest>?) -> Void {
    progressor__v1__retry_message_request__init
  }
}

extension Progressor__V1__RetryMessageRequest: NumberedFields {}

/// Response of `Automaton.RetryMessage`.
public struct RetryMessageResponse: ProtobufMessage {
  public init() {}
}

extension RetryMessageResponse: EmptyShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__RetryMessageResponse>?) -> Void {
    progressor__v1__retry_message_response__init
  }
}
