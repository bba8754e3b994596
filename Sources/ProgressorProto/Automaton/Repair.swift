import CProgressorProto
public import MachineModel

/// Request of `Automaton.Repair`.
public struct RepairRequest: ProtobufMessage {
  /// The machine.
  public var machineID: MachineID
  /// For the processor.
  public var args: [UInt8]
  /// The history that the processor is shown, nil = the namespace's default.
  public var historyRange: HistoryRange?
  /// nil = none.
  public var idempotencyKey: String?
  /// Of the machine's last event, else nothing happens; nil = whatever it is.
  public var expectedLastEventID: Int64?

  public init(
    machineID: MachineID, args: [UInt8] = [], historyRange: HistoryRange? = nil,
    idempotencyKey: String? = nil, expectedLastEventID: Int64? = nil
  ) {
    self.machineID = machineID
    self.args = args
    self.historyRange = historyRange
    self.idempotencyKey = idempotencyKey
    self.expectedLastEventID = expectedLastEventID
  }
}

extension RepairRequest: ArgumentsShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__RepairRequest>?) -> Void {
    progressor__v1__repair_request__init
  }
}

extension Progressor__V1__RepairRequest: ArgumentsFields {}

/// Response of `Automaton.Repair`.
public struct RepairResponse: ProtobufMessage {
  /// What the processor answered.
  public var response: [UInt8]

  public init(response: [UInt8] = []) {
    self.response = response
  }
}

extension RepairResponse: PayloadShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__RepairResponse>?) -> Void {
    progressor__v1__repair_response__init
  }
}

extension Progressor__V1__RepairResponse: PayloadFields {}
