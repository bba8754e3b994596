import CProgressorProto
import MachineModel

extension StateChange: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__StateChange>?) -> Void {
    progressor__v1__state_change__init
  }

  init(_ message: Progressor__V1__StateChange) throws(ProtobufError) {
    self.init(
      auxState: try Content.read(message.aux_state, "aux_state"),
      events: try Content.readAll(message.events, count: message.n_events, "events"))
    if message.optional_waiting_for_case
      == PROGRESSOR__V1__STATE_CHANGE__OPTIONAL_WAITING_FOR_WAITING_FOR
    {
      waitingFor = try message.waiting_for.text("waiting_for")
    }
  }

  func fill(_ message: inout Progressor__V1__StateChange, in arena: inout ProtobufArena) {
    message.aux_state = arena.make(auxState)
    message.events = arena.makeAll(events)
    message.n_events = events.count
    if let waitingFor {
      message.optional_waiting_for_case =
        PROGRESSOR__V1__STATE_CHANGE__OPTIONAL_WAITING_FOR_WAITING_FOR
      message.waiting_for = arena.make(waitingFor)
    }
  }
}
