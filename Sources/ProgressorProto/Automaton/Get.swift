import CProgressorProto
public import MachineModel

/// Request of `Automaton.Get`.
public struct GetRequest: ProtobufMessage {
  /// The machine.
  public var machineID: MachineID
  /// The history to show, nil = all of it, ascending.
  public var historyRange: HistoryRange?
  /// What to wait for, nil = nothing.
  public var wait: WaitCondition?

  public init(
    machineID: MachineID, historyRange: HistoryRange? = nil, wait: WaitCondition? = nil
  ) {
    self.machineID = machineID
    self.historyRange = historyRange
    self.wait = wait
  }
}

extension GetRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__GetRequest>?) -> Void {
    progressor__v1__get_request__init
  }

  init(_ message: Progressor__V1__GetRequest) throws(ProtobufError) {
    machineID = try message.machineID()
    historyRange = try HistoryRange.read(message.history_range, "history_range")
    wait = try WaitMessage.read(message.wait, "wait")?.condition
  }

  func fill(_ message: inout Progressor__V1__GetRequest, in arena: inout ProtobufArena) {
    message.set(machineID, in: &arena)
    message.history_range = arena.make(historyRange)
    message.wait = arena.make(wait.map { WaitMessage($0) })
  }
}

extension Progressor__V1__GetRequest: MachineFields {}

/// Response of `Automaton.Get`.
public struct GetResponse: ProtobufMessage {
  /// The machine.
  public var machine: Machine

  public init(machine: Machine) {
    self.machine = machine
  }
}

extension GetResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__GetResponse>?) -> Void {
    progressor__v1__get_response__init
  }

  static var budget: DecodingBudget { .machine }

  init(_ message: Progressor__V1__GetResponse) throws(ProtobufError) {
    machine = try Machine.require(message.machine, "machine")
  }

  func fill(_ message: inout Progressor__V1__GetResponse, in arena: inout ProtobufArena) {
    message.machine = arena.make(machine)
  }
}
