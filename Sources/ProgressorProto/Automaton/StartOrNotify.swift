import CProgressorProto
public import MachineModel

/// Request of `Automaton.StartOrNotify`.
public struct StartOrNotifyRequest: ProtobufMessage {
  /// The machine.
  public var machineID: MachineID
  /// For the processor of the start, if there is one.
  public var startArgs: [UInt8]
  /// For the processor of the notification.
  public var args: [UInt8]
  /// The history that the processor is shown at delivery, nil = the namespace's default.
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

extension StartOrNotifyRequest: StartingShape {
  init(
    machineID: MachineID, args: [UInt8], historyRange: HistoryRange?, idempotencyKey: String?,
    expectedLastEventID: Int64?
  ) {
    self.init(
      machineID: machineID, startArgs: [], args: args, historyRange: historyRange,
      idempotencyKey: idempotencyKey, expectedLastEventID: expectedLastEventID)
  }

  static var initialize: (UnsafeMutablePointer<Progressor__V1__StartOrNotifyRequest>?) -> Void {
    progressor__v1__start_or_notify_request__init
  }
}

extension Progressor__V1__StartOrNotifyRequest: StartingFields {}

/// Response of `Automaton.StartOrNotify`.
public struct StartOrNotifyResponse: ProtobufMessage {
  /// The id that comes with the notification's signal.
  public var notificationID: String

  public init(notificationID: String) {
    self.notificationID = notificationID
  }
}

extension StartOrNotifyResponse: NotifiedShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__StartOrNotifyResponse>?) -> Void {
    progressor__v1__start_or_notify_response__init
  }
}

extension Progressor__V1__StartOrNotifyResponse: NotifiedFields {}
