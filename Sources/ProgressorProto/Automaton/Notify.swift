import CProgressorProto
public import MachineModel

/// Request of `Automaton.Notify`.
public struct NotifyRequest: ProtobufMessage {
  /// The machine.
  public var machineID: MachineID
  /// For the processor.
  public var args: [UInt8]
  /// The history that the processor is shown at delivery, nil = the namespace's default.
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

extension NotifyRequest: ArgumentsShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__NotifyRequest>?) -> Void {
    progressor__v1__notify_request__init
  }
}

extension Progressor__V1__NotifyRequest: ArgumentsFields {}

/// Response of `Automaton.Notify`.
public struct NotifyResponse: ProtobufMessage {
  /// The id that comes with the notification's signal.
  public var notificationID: String

  public init(notificationID: String) {
    self.notificationID = notificationID
  }
}

extension NotifyResponse: NotifiedShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__NotifyResponse>?) -> Void {
    progressor__v1__notify_response__init
  }
}

extension Progressor__V1__NotifyResponse: NotifiedFields {}
