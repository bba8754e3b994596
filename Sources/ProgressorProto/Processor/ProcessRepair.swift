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

extension ProcessRepairRequest: QuestionShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ProcessRepairRequest>?) -> Void {
    progressor__v1__process_repair_request__init
  }
}

extension Progressor__V1__ProcessRepairRequest: QuestionFields {}

/// Response of `Processor.ProcessRepair`.
public struct ProcessRepairResponse: ProtobufMessage {
  /// What the processor answered.
  public var answer: ProcessorAnswer

  public init(answer: ProcessorAnswer = ProcessorAnswer()) {
    self.answer = answer
  }
}

extension ProcessRepairResponse: AnswerShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ProcessRepairResponse>?) -> Void {
    progressor__v1__process_repair_response__init
  }
}

extension Progressor__V1__ProcessRepairResponse: ChangeFields, PayloadFields {}
