import CProgressorProto
public import MachineModel

/// Request of `Automaton.Trace`.
public struct TraceRequest: ProtobufMessage {
  /// The machine.
  public var machineID: MachineID
  /// Only records with a smaller sequence; 0 = from the newest down.
  public var beforeSequence: Int64
  /// The most records of a page, 0 = the default of the server.
  public var limit: Int32

  public init(machineID: MachineID, beforeSequence: Int64 = 0, limit: Int32 = 0) {
    self.machineID = machineID
    self.beforeSequence = beforeSequence
    self.limit = limit
  }
}

extension TraceRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__TraceRequest>?) -> Void {
    progressor__v1__trace_request__init
  }

  init(_ message: Progressor__V1__TraceRequest) throws(ProtobufError) {
    machineID = try message.machineID()
    beforeSequence = message.before_sequence
    if beforeSequence < 0 { throw .invalid("before_sequence", "must not be negative") }
    limit = message.limit
    if limit < 0 { throw .invalid("limit", "must not be negative") }
  }

  func fill(_ message: inout Progressor__V1__TraceRequest, in arena: inout ProtobufArena) {
    message.set(machineID, in: &arena)
    message.before_sequence = beforeSequence
    message.limit = limit
  }
}

extension Progressor__V1__TraceRequest: MachineFields {}

/// Response of `Automaton.Trace`.
public struct TraceResponse: ProtobufMessage {
  /// The records, the newest first.
  public var steps: [StepRecord]
  /// `beforeSequence` of the next request; 0 = there are no older ones.
  public var next: Int64

  public init(steps: [StepRecord], next: Int64 = 0) {
    self.steps = steps
    self.next = next
  }
}

extension TraceResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__TraceResponse>?) -> Void {
    progressor__v1__trace_response__init
  }

  static var budget: DecodingBudget { .machine }

  init(_ message: Progressor__V1__TraceResponse) throws(ProtobufError) {
    steps = try StepRecord.readAll(message.steps, count: message.n_steps, "steps")
    next = message.next
  }

  func fill(_ message: inout Progressor__V1__TraceResponse, in arena: inout ProtobufArena) {
    message.steps = arena.makeAll(steps)
    message.n_steps = steps.count
    message.next = next
  }
}
