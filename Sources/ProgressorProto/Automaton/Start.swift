import CProgressorProto
public import MachineModel

/// Request of `Automaton.Start`.
public struct StartRequest: ProtobufMessage {
  /// The machine to start.
  public var machineID: MachineID
  /// For the processor.
  public var args: [UInt8]
  /// nil = none.
  public var idempotencyKey: String?

  public init(machineID: MachineID, args: [UInt8] = [], idempotencyKey: String? = nil) {
    self.machineID = machineID
    self.args = args
    self.idempotencyKey = idempotencyKey
  }
}

extension StartRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__StartRequest>?) -> Void {
    progressor__v1__start_request__init
  }

  init(_ message: Progressor__V1__StartRequest) throws(ProtobufError) {
    machineID = try message.machineID()
    args = message.args.bytes
    idempotencyKey = try message.idempotency_key.idempotencyKey()
  }

  func fill(_ message: inout Progressor__V1__StartRequest, in arena: inout ProtobufArena) {
    message.set(machineID, in: &arena)
    message.args = arena.refer(to: args)
    message.idempotency_key = arena.make(idempotencyKey ?? "")
  }
}

extension Progressor__V1__StartRequest: MachineFields {}

/// Response of `Automaton.Start`.
public struct StartResponse: ProtobufMessage {
  public init() {}
}

extension StartResponse: EmptyShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__StartResponse>?) -> Void {
    progressor__v1__start_response__init
  }
}
