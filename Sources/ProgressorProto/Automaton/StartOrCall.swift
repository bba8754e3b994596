import CProgressorProto
public import MachineModel

/// Request of `Automaton.StartOrCall`.
public struct StartOrCallRequest: ProtobufMessage {
  /// The machine.
  public var machineID: MachineID
  /// For the processor of the start, if there is one.
  public var startArgs: [UInt8]
  /// For the processor of the call.
  public var args: [UInt8]
  /// The history that the processor of the call is shown, nil = the namespace's default.
  public var historyRange: HistoryRange?
  /// For both; nil = none.
  public var idempotencyKey: String?
  /// Of the machine's last event once it is started, else nothing more happens; nil = whatever it
  /// is.
  public var expectedLastEventID: Int64?

  public init(
    machineID: MachineID, startArgs: [UInt8], args: [UInt8] = [],
    historyRange: HistoryRange? = nil, idempotencyKey: String? = nil,
    expectedLastEventID: Int64? = nil
  ) {
    self.machineID = machineID
    self.startArgs = startArgs
    self.args = args
    self.historyRange = historyRange
    self.idempotencyKey = idempotencyKey
    self.expectedLastEventID = expectedLastEventID
  }
}

extension StartOrCallRequest: StartingShape {
  init(
    machineID: MachineID, args: [UInt8], historyRange: HistoryRange?, idempotencyKey: String?,
    expectedLastEventID: Int64?
  ) {
    self.init(
      machineID: machineID, startArgs: [], args: args, historyRange: historyRange,
      idempotencyKey: idempotencyKey, expectedLastEventID: expectedLastEventID)
  }

  static var initialize: (UnsafeMutablePointer<Progressor__V1__StartOrCallRequest>?) -> Void {
    progressor__v1__start_or_call_request__init
  }
}

extension Progressor__V1__StartOrCallRequest: StartingFields {}

/// Response of `Automaton.StartOrCall`.
public struct StartOrCallResponse: ProtobufMessage {
  /// What the processor answered to the call.
  public var response: [UInt8]

  public init(response: [UInt8] = []) {
    self.response = response
  }
}

extension StartOrCallResponse: PayloadShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__StartOrCallResponse>?) -> Void {
    progressor__v1__start_or_call_response__init
  }
}

extension Progressor__V1__StartOrCallResponse: PayloadFields {}
