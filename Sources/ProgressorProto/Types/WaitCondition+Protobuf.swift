import CProgressorProto
import MachineModel

/// The contract's `Wait`: the model has what it waits for, and nothing for one that does not.
struct WaitMessage: CRepresentable {
  var condition: WaitCondition?

  init(_ condition: WaitCondition) { self.condition = condition }

  static var initialize: (UnsafeMutablePointer<Progressor__V1__Wait>?) -> Void {
    progressor__v1__wait__init
  }

  init(_ message: Progressor__V1__Wait) throws(ProtobufError) {
    switch message.until_case {
    case PROGRESSOR__V1__WAIT__UNTIL_AFTER_EVENT_ID:
      if message.after_event_id < 0 { throw .invalid("after_event_id", "must not be negative") }
      condition = .afterEvent(message.after_event_id)
    case PROGRESSOR__V1__WAIT__UNTIL_NOT_WORKING:
      condition = message.not_working == 0 ? nil : .notWorking
    default: condition = nil
    }
  }

  func fill(_ message: inout Progressor__V1__Wait, in arena: inout ProtobufArena) {
    switch condition {
    case .afterEvent(let id)?:
      message.until_case = PROGRESSOR__V1__WAIT__UNTIL_AFTER_EVENT_ID
      message.after_event_id = id
    case .notWorking?:
      message.until_case = PROGRESSOR__V1__WAIT__UNTIL_NOT_WORKING
      message.not_working = 1
    case nil: break
    }
  }
}
