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

  public init(
    machineID: MachineID, args: [UInt8] = [], historyRange: HistoryRange? = nil,
    idempotencyKey: String? = nil
  ) {
    self.machineID = machineID
    self.args = args
    self.historyRange = historyRange
    self.idempotencyKey = idempotencyKey
  }
}

extension RepairRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__RepairRequest>?) -> Void {
    progressor__v1__repair_request__init
  }

  init(_ message: Progressor__V1__RepairRequest) throws(ProtobufError) {
    machineID = MachineID(
      namespace: try message.namespace_.identifier("namespace"),
      id: try message.id.identifier("id"))
    args = message.args.bytes
    historyRange = try HistoryRange.read(message.history_range, "history_range")
    idempotencyKey = try message.idempotency_key.idempotencyKey()
  }

  func fill(_ message: inout Progressor__V1__RepairRequest, in arena: inout ProtobufArena) {
    message.namespace_ = arena.make(machineID.namespace)
    message.id = arena.make(machineID.id)
    message.args = arena.refer(to: args)
    message.history_range = arena.make(historyRange)
    message.idempotency_key = arena.make(idempotencyKey ?? "")
  }
}

/// Response of `Automaton.Repair`.
public struct RepairResponse: ProtobufMessage {
  /// What the processor answered.
  public var response: [UInt8]

  public init(response: [UInt8] = []) {
    self.response = response
  }
}

extension RepairResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__RepairResponse>?) -> Void {
    progressor__v1__repair_response__init
  }

  init(_ message: Progressor__V1__RepairResponse) throws(ProtobufError) {
    response = message.response.bytes
  }

  func fill(_ message: inout Progressor__V1__RepairResponse, in arena: inout ProtobufArena) {
    message.response = arena.refer(to: response)
  }
}
