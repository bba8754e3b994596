import CProgressorProto
import MachineModel

extension MachinePart: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__MachinePart>?) -> Void {
    progressor__v1__machine_part__init
  }

  init(_ message: Progressor__V1__MachinePart) throws(ProtobufError) {
    switch message.kind_case {
    case PROGRESSOR__V1__MACHINE_PART__KIND_HEAD:
      self = .head(try PortableMachine.require(message.head, "head"))
    case PROGRESSOR__V1__MACHINE_PART__KIND_EVENTS:
      self = .events(try MachineEvents.require(message.events, "events").events)
    case PROGRESSOR__V1__MACHINE_PART__KIND_NOTIFICATIONS:
      let all = try MachineNotifications.require(message.notifications, "notifications")
      self = .notifications(all.notifications)
    case PROGRESSOR__V1__MACHINE_PART__KIND_END:
      self = .end(try MachineEnd.require(message.end, "end"))
    default: throw .invalid("kind", "must be set")
    }
  }

  func fill(_ message: inout Progressor__V1__MachinePart, in arena: inout ProtobufArena) {
    switch self {
    case .head(let head):
      message.kind_case = PROGRESSOR__V1__MACHINE_PART__KIND_HEAD
      message.head = arena.make(head)
    case .events(let events):
      message.kind_case = PROGRESSOR__V1__MACHINE_PART__KIND_EVENTS
      message.events = arena.make(MachineEvents(events: events))
    case .notifications(let notifications):
      message.kind_case = PROGRESSOR__V1__MACHINE_PART__KIND_NOTIFICATIONS
      message.notifications = arena.make(MachineNotifications(notifications: notifications))
    case .end(let end):
      message.kind_case = PROGRESSOR__V1__MACHINE_PART__KIND_END
      message.end = arena.make(end)
    }
  }
}

/// The contract's `MachineEvents`, which the model has as a case of `MachinePart`.
struct MachineEvents: CRepresentable {
  var events: [Event]

  init(events: [Event]) { self.events = events }

  static var initialize: (UnsafeMutablePointer<Progressor__V1__MachineEvents>?) -> Void {
    progressor__v1__machine_events__init
  }

  init(_ message: Progressor__V1__MachineEvents) throws(ProtobufError) {
    events = try Event.readAll(message.events, count: message.n_events, "events")
  }

  func fill(_ message: inout Progressor__V1__MachineEvents, in arena: inout ProtobufArena) {
    message.events = arena.makeAll(events)
    message.n_events = events.count
  }
}

/// The contract's `MachineNotifications`, which the model has as a case of `MachinePart`.
struct MachineNotifications: CRepresentable {
  var notifications: [PortableNotification]

  init(notifications: [PortableNotification]) { self.notifications = notifications }

  static var initialize: (UnsafeMutablePointer<Progressor__V1__MachineNotifications>?) -> Void {
    progressor__v1__machine_notifications__init
  }

  init(_ message: Progressor__V1__MachineNotifications) throws(ProtobufError) {
    notifications = try PortableNotification.readAll(
      message.notifications, count: message.n_notifications, "notifications")
  }

  func fill(_ message: inout Progressor__V1__MachineNotifications, in arena: inout ProtobufArena) {
    message.notifications = arena.makeAll(notifications)
    message.n_notifications = notifications.count
  }
}

extension MachineEnd: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__MachineEnd>?) -> Void {
    progressor__v1__machine_end__init
  }

  init(_ message: Progressor__V1__MachineEnd) throws(ProtobufError) {
    self.init(id: try message.id.text("id"))
    let reason = try message.reason.text("reason")
    if message.discarded != 0 { discarded = reason }
  }

  func fill(_ message: inout Progressor__V1__MachineEnd, in arena: inout ProtobufArena) {
    message.id = arena.make(id)
    message.discarded = discarded == nil ? 0 : 1
    message.reason = arena.make(discarded ?? "")
  }
}
