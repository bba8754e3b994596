import CProgressorProto
public import MachineModel

/// Request of `Processor.ProcessRepair`.
public struct ProcessRepairRequest: ProtobufMessage {
  /// `args` of `RepairRequest`.
  public var args: [UInt8]
  /// The machine, as it was last committed.
  public var machine: Machine
  /// The client's, nil = none.
  public var idempotencyKey: String?

  public init(args: [UInt8] = [], machine: Machine, idempotencyKey: String? = nil) {
    self.args = args
    self.machine = machine
    self.idempotencyKey = idempotencyKey
  }
}

extension ProcessRepairRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ProcessRepairRequest>?) -> Void {
    progressor__v1__process_repair_request__init
  }

  static var budget: DecodingBudget { .machine }

  init(_ message: Progressor__V1__ProcessRepairRequest) throws(ProtobufError) {
    args = message.args.bytes
    machine = try Machine.require(message.machine, "machine")
    idempotencyKey = try message.idempotency_key.idempotencyKey()
  }

  func fill(_ message: inout Progressor__V1__ProcessRepairRequest, in arena: inout ProtobufArena) {
    message.args = arena.refer(to: args)
    message.machine = arena.make(machine)
    message.idempotency_key = arena.make(idempotencyKey ?? "")
  }
}

/// Response of `Processor.ProcessRepair`.
public struct ProcessRepairResponse: ProtobufMessage {
  /// What the processor answered.
  public var answer: ProcessorAnswer

  public init(answer: ProcessorAnswer = ProcessorAnswer()) {
    self.answer = answer
  }
}

extension ProcessRepairResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ProcessRepairResponse>?) -> Void {
    progressor__v1__process_repair_response__init
  }

  init(_ message: Progressor__V1__ProcessRepairResponse) throws(ProtobufError) {
    answer = ProcessorAnswer(
      response: message.response.bytes,
      change: try StateChange.read(message.change, "change") ?? StateChange(),
      action: try Action.read(message.action, "action") ?? Action())
  }

  func fill(_ message: inout Progressor__V1__ProcessRepairResponse, in arena: inout ProtobufArena) {
    message.response = arena.refer(to: answer.response)
    message.change = arena.make(answer.change)
    message.action = arena.make(answer.action)
  }
}
