import CProgressorProto
public import MachineModel

extension StepKind {
  init(_ kind: Progressor__V1__StepKind, _ field: String) throws(ProtobufError) {
    guard let known = StepKind(rawValue: Int32(bitPattern: kind.rawValue)) else {
      throw .invalid(field, kind.rawValue == 0 ? "must be set" : "has an unknown value")
    }
    self = known
  }

  var protobuf: Progressor__V1__StepKind {
    Progressor__V1__StepKind(rawValue: UInt32(bitPattern: rawValue))
  }

  /// Its name in the contract, by which protobuf's JSON form calls it.
  public var protobufName: String {
    switch self {
    case .start: "STEP_KIND_START"
    case .call: "STEP_KIND_CALL"
    case .notification: "STEP_KIND_NOTIFICATION"
    case .timeout: "STEP_KIND_TIMEOUT"
    case .repair: "STEP_KIND_REPAIR"
    case .dropNotification: "STEP_KIND_DROP_NOTIFICATION"
    case .importMachine: "STEP_KIND_IMPORT_MACHINE"
    case .dropMessage: "STEP_KIND_DROP_MESSAGE"
    case .retryMessage: "STEP_KIND_RETRY_MESSAGE"
    }
  }
}

extension MachineStatus: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__MachineStatus>?) -> Void {
    progressor__v1__machine_status__init
  }

  init(_ message: Progressor__V1__MachineStatus) throws(ProtobufError) {
    switch message.kind_case {
    case PROGRESSOR__V1__MACHINE_STATUS__KIND_WORKING:
      self = .working(try Working.require(message.working, "working").retrying)
    case PROGRESSOR__V1__MACHINE_STATUS__KIND_FAILED:
      self = .failed(try Failure.require(message.failed, "failed"))
    default: throw .invalid("kind", "must be set")
    }
  }

  func fill(_ message: inout Progressor__V1__MachineStatus, in arena: inout ProtobufArena) {
    switch self {
    case .working(let retrying):
      message.kind_case = PROGRESSOR__V1__MACHINE_STATUS__KIND_WORKING
      message.working = arena.make(Working(retrying: retrying))
    case .failed(let failure):
      message.kind_case = PROGRESSOR__V1__MACHINE_STATUS__KIND_FAILED
      message.failed = arena.make(failure)
    }
  }
}

/// The contract's `Working`, which the model has as a case of `MachineStatus`.
struct Working: CRepresentable {
  var retrying: Retrying?

  init(retrying: Retrying?) { self.retrying = retrying }

  static var initialize: (UnsafeMutablePointer<Progressor__V1__Working>?) -> Void {
    progressor__v1__working__init
  }

  init(_ message: Progressor__V1__Working) throws(ProtobufError) {
    self.retrying = try Retrying.read(message.retrying, "retrying")
  }

  func fill(_ message: inout Progressor__V1__Working, in arena: inout ProtobufArena) {
    message.retrying = arena.make(retrying)
  }
}

extension Retrying: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__Retrying>?) -> Void {
    progressor__v1__retrying__init
  }

  init(_ message: Progressor__V1__Retrying) throws(ProtobufError) {
    self.init(
      stepKind: try StepKind(message.step_kind, "step_kind"), attempt: message.attempt,
      nextAttemptAt: try Timestamp.require(message.next_attempt_at, "next_attempt_at"),
      lastCode: message.last_code, lastMessage: try message.last_message.text("last_message"))
  }

  func fill(_ message: inout Progressor__V1__Retrying, in arena: inout ProtobufArena) {
    message.step_kind = stepKind.protobuf
    message.attempt = attempt
    message.next_attempt_at = arena.make(nextAttemptAt)
    message.last_code = lastCode
    message.last_message = arena.make(lastMessage)
  }
}

extension Failure: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__Failed>?) -> Void {
    progressor__v1__failed__init
  }

  init(_ message: Progressor__V1__Failed) throws(ProtobufError) {
    self.init(
      reason: try message.reason.text("reason"),
      failedAt: try Timestamp.require(message.failed_at, "failed_at"),
      stepKind: try StepKind(message.step_kind, "step_kind"), code: message.code,
      attempts: message.attempts, step: try message.step.text("step"),
      principal: try message.principal.optionalText("principal"))
  }

  func fill(_ message: inout Progressor__V1__Failed, in arena: inout ProtobufArena) {
    message.reason = arena.make(reason)
    message.failed_at = arena.make(failedAt)
    message.step_kind = stepKind.protobuf
    message.code = code
    message.attempts = attempts
    message.step = arena.make(step)
    message.principal = arena.make(principal ?? "")
  }
}
