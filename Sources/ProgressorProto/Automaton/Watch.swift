import CProgressorProto
public import MachineModel

/// Request of `Automaton.Watch`.
public struct WatchRequest: ProtobufMessage {
  /// The machine.
  public var machineID: MachineID
  /// The last event that is known, 0 = none.
  public var afterEventID: Int64

  public init(machineID: MachineID, afterEventID: Int64 = 0) {
    self.machineID = machineID
    self.afterEventID = afterEventID
  }
}

extension WatchRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__WatchRequest>?) -> Void {
    progressor__v1__watch_request__init
  }

  init(_ message: Progressor__V1__WatchRequest) throws(ProtobufError) {
    machineID = try message.machineID()
    if message.after_event_id < 0 { throw .invalid("after_event_id", "must not be negative") }
    afterEventID = message.after_event_id
  }

  func fill(_ message: inout Progressor__V1__WatchRequest, in arena: inout ProtobufArena) {
    message.set(machineID, in: &arena)
    message.after_event_id = afterEventID
  }
}

extension Progressor__V1__WatchRequest: MachineFields {}

/// Response of `Automaton.Watch`, one of many.
public enum WatchResponse: ProtobufMessage {
  /// The machine without history.
  case machine(Machine)
  /// Its next event.
  case event(Event)
  /// Nothing happened for a while.
  case heartbeat
}

extension WatchResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__WatchResponse>?) -> Void {
    progressor__v1__watch_response__init
  }

  static var budget: DecodingBudget { .machine }

  init(_ message: Progressor__V1__WatchResponse) throws(ProtobufError) {
    switch message.content_case {
    case PROGRESSOR__V1__WATCH_RESPONSE__CONTENT_MACHINE:
      self = .machine(try Machine.require(message.machine, "machine"))
    case PROGRESSOR__V1__WATCH_RESPONSE__CONTENT_EVENT:
      self = .event(try Event.require(message.event, "event"))
    case PROGRESSOR__V1__WATCH_RESPONSE__CONTENT_HEARTBEAT: self = .heartbeat
    default: throw .invalid("content", "must be set")
    }
  }

  func fill(_ message: inout Progressor__V1__WatchResponse, in arena: inout ProtobufArena) {
    switch self {
    case .machine(let machine):
      message.content_case = PROGRESSOR__V1__WATCH_RESPONSE__CONTENT_MACHINE
      message.machine = arena.make(machine)
    case .event(let event):
      message.content_case = PROGRESSOR__V1__WATCH_RESPONSE__CONTENT_EVENT
      message.event = arena.make(event)
    case .heartbeat:
      message.content_case = PROGRESSOR__V1__WATCH_RESPONSE__CONTENT_HEARTBEAT
      message.heartbeat = arena.make(Heartbeat())
    }
  }
}

/// The contract's `Heartbeat`, which `WatchResponse` has as a case.
struct Heartbeat: EmptyShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__Heartbeat>?) -> Void {
    progressor__v1__heartbeat__init
  }
}
