import CProgressorProto
import MachineModel

extension Limits: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__Limits>?) -> Void {
    progressor__v1__limits__init
  }

  init(_ message: Progressor__V1__Limits) {
    self.init()
    if message.optional_mailbox_case == PROGRESSOR__V1__LIMITS__OPTIONAL_MAILBOX_MAILBOX {
      mailbox = message.mailbox
    }
    if message.optional_steps_in_flight_case
      == PROGRESSOR__V1__LIMITS__OPTIONAL_STEPS_IN_FLIGHT_STEPS_IN_FLIGHT
    {
      stepsInFlight = message.steps_in_flight
    }
    if message.optional_notifications_case
      == PROGRESSOR__V1__LIMITS__OPTIONAL_NOTIFICATIONS_NOTIFICATIONS
    {
      notifications = message.notifications
    }
    if message.optional_messages_case == PROGRESSOR__V1__LIMITS__OPTIONAL_MESSAGES_MESSAGES {
      messages = message.messages
    }
  }

  func fill(_ message: inout Progressor__V1__Limits, in arena: inout ProtobufArena) {
    if let mailbox {
      message.optional_mailbox_case = PROGRESSOR__V1__LIMITS__OPTIONAL_MAILBOX_MAILBOX
      message.mailbox = mailbox
    }
    if let stepsInFlight {
      message.optional_steps_in_flight_case =
        PROGRESSOR__V1__LIMITS__OPTIONAL_STEPS_IN_FLIGHT_STEPS_IN_FLIGHT
      message.steps_in_flight = stepsInFlight
    }
    if let notifications {
      message.optional_notifications_case =
        PROGRESSOR__V1__LIMITS__OPTIONAL_NOTIFICATIONS_NOTIFICATIONS
      message.notifications = notifications
    }
    if let messages {
      message.optional_messages_case = PROGRESSOR__V1__LIMITS__OPTIONAL_MESSAGES_MESSAGES
      message.messages = messages
    }
  }
}
