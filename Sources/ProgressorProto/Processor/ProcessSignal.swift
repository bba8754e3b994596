import CProgressorProto
public import MachineModel

/// Request of `Processor.ProcessSignal`.
public struct ProcessSignalRequest: ProtobufMessage {
  /// What happened.
  public var signal: Signal
  /// The machine, as it was last committed.
  public var machine: Machine

  public init(signal: Signal, machine: Machine) {
    self.signal = signal
    self.machine = machine
  }
}

extension ProcessSignalRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ProcessSignalRequest>?) -> Void {
    progressor__v1__process_signal_request__init
  }

  static var budget: DecodingBudget { .machine }

  init(_ message: Progressor__V1__ProcessSignalRequest) throws(ProtobufError) {
    signal = try Signal.require(message.signal, "signal")
    machine = try Machine.require(message.machine, "machine")
  }

  func fill(_ message: inout Progressor__V1__ProcessSignalRequest, in arena: inout ProtobufArena) {
    message.signal = arena.make(signal)
    message.machine = arena.make(machine)
  }
}

/// Response of `Processor.ProcessSignal`.
public struct ProcessSignalResponse: ProtobufMessage {
  /// Its `response` is not sent: a signal has no caller.
  public var answer: ProcessorAnswer

  public init(answer: ProcessorAnswer = ProcessorAnswer()) {
    self.answer = answer
  }
}

extension ProcessSignalResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ProcessSignalResponse>?) -> Void {
    progressor__v1__process_signal_response__init
  }

  init(_ message: Progressor__V1__ProcessSignalResponse) throws(ProtobufError) {
    answer = try message.answer()
  }

  func fill(_ message: inout Progressor__V1__ProcessSignalResponse, in arena: inout ProtobufArena) {
    message.set(answer, in: &arena)
  }
}

extension Progressor__V1__ProcessSignalResponse: ChangeFields {}
