import CProgressorProto
import MachineModel

extension HistoryRange: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__HistoryRange>?) -> Void {
    progressor__v1__history_range__init
  }

  init(_ message: Progressor__V1__HistoryRange) throws(ProtobufError) {
    let direction: Direction
    switch message.direction {
    case PROGRESSOR__V1__DIRECTION__DIRECTION_UNSPECIFIED,
      PROGRESSOR__V1__DIRECTION__DIRECTION_FORWARD:
      direction = .forward
    case PROGRESSOR__V1__DIRECTION__DIRECTION_BACKWARD: direction = .backward
    default: throw .invalid("direction", "has an unknown value")
    }
    if message.after < 0 { throw .invalid("after", "must not be negative") }
    var limit: Int32?
    if message.optional_limit_case == PROGRESSOR__V1__HISTORY_RANGE__OPTIONAL_LIMIT_LIMIT {
      if message.limit < 0 { throw .invalid("limit", "must not be negative") }
      limit = message.limit
    }
    self.init(after: message.after, limit: limit, direction: direction)
  }

  func fill(_ message: inout Progressor__V1__HistoryRange, in arena: inout ProtobufArena) {
    message.after = after
    if let limit {
      message.optional_limit_case = PROGRESSOR__V1__HISTORY_RANGE__OPTIONAL_LIMIT_LIMIT
      message.limit = limit
    }
    switch direction {
    case .forward: message.direction = PROGRESSOR__V1__DIRECTION__DIRECTION_FORWARD
    case .backward: message.direction = PROGRESSOR__V1__DIRECTION__DIRECTION_BACKWARD
    }
  }
}
