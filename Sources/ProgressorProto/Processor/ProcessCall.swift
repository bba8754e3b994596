import CProgressorProto
public import MachineModel

/// Request of `Processor.ProcessCall`.
public struct ProcessCallRequest: ProtobufMessage {
  /// `args` of `CallRequest`.
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

extension ProcessCallRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ProcessCallRequest>?) -> Void {
    progressor__v1__process_call_request__init
  }

  static var budget: DecodingBudget { .machine }

  init(_ message: Progressor__V1__ProcessCallRequest) throws(ProtobufError) {
    args = message.args.bytes
    machine = try Machine.require(message.machine, "machine")
    idempotencyKey = try message.idempotency_key.idempotencyKey()
  }

  func fill(_ message: inout Progressor__V1__ProcessCallRequest, in arena: inout ProtobufArena) {
    message.args = arena.refer(to: args)
    message.machine = arena.make(machine)
    message.idempotency_key = arena.make(idempotencyKey ?? "")
  }
}

/// Response of `Processor.ProcessCall`.
public struct ProcessCallResponse: ProtobufMessage {
  /// What the processor answered.
  public var answer: ProcessorAnswer

  public init(answer: ProcessorAnswer = ProcessorAnswer()) {
    self.answer = answer
  }
}

extension ProcessCallResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ProcessCallResponse>?) -> Void {
    progressor__v1__process_call_response__init
  }

  init(_ message: Progressor__V1__ProcessCallResponse) throws(ProtobufError) {
    answer = ProcessorAnswer(
      response: message.response.bytes,
      change: try StateChange.read(message.change, "change") ?? StateChange(),
      action: try Action.read(message.action, "action") ?? Action())
  }

  func fill(_ message: inout Progressor__V1__ProcessCallResponse, in arena: inout ProtobufArena) {
    message.response = arena.refer(to: answer.response)
    message.change = arena.make(answer.change)
    message.action = arena.make(answer.action)
  }
}
