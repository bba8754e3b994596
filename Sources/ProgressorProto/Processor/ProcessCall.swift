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

extension ProcessCallRequest: QuestionShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ProcessCallRequest>?) -> Void {
    progressor__v1__process_call_request__init
  }
}

extension Progressor__V1__ProcessCallRequest: QuestionFields {}

/// Response of `Processor.ProcessCall`.
public struct ProcessCallResponse: ProtobufMessage {
  /// What the processor answered.
  public var answer: ProcessorAnswer

  public init(answer: ProcessorAnswer = ProcessorAnswer()) {
    self.answer = answer
  }
}

extension ProcessCallResponse: AnswerShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ProcessCallResponse>?) -> Void {
    progressor__v1__process_call_response__init
  }
}

extension Progressor__V1__ProcessCallResponse: ChangeFields, PayloadFields {}
