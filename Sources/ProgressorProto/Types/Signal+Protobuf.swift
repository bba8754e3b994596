import CProgressorProto
import MachineModel

extension Signal: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__Signal>?) -> Void {
    progressor__v1__signal__init
  }

  init(_ message: Progressor__V1__Signal) throws(ProtobufError) {
    switch message.kind_case {
    case PROGRESSOR__V1__SIGNAL__KIND_INIT:
      self = .initialize(args: try InitSignal.require(message.`init`, "init").args)
    case PROGRESSOR__V1__SIGNAL__KIND_TIMEOUT: self = .timeout
    case PROGRESSOR__V1__SIGNAL__KIND_NOTIFICATION:
      let signal = try NotificationSignal.require(message.notification, "notification")
      self = .notification(
        args: signal.args, notificationID: signal.notificationID, sender: signal.sender)
    case PROGRESSOR__V1__SIGNAL__KIND_UNDELIVERED:
      self = .undelivered(try UndeliveredMessage.require(message.undelivered, "undelivered"))
    default: throw .invalid("kind", "must be set")
    }
  }

  func fill(_ message: inout Progressor__V1__Signal, in arena: inout ProtobufArena) {
    switch self {
    case .initialize(let args):
      message.kind_case = PROGRESSOR__V1__SIGNAL__KIND_INIT
      message.`init` = arena.make(InitSignal(args: args))
    case .timeout:
      message.kind_case = PROGRESSOR__V1__SIGNAL__KIND_TIMEOUT
      message.timeout = arena.make(TimeoutSignal())
    case .notification(let args, let notificationID, let sender):
      message.kind_case = PROGRESSOR__V1__SIGNAL__KIND_NOTIFICATION
      message.notification = arena.make(
        NotificationSignal(args: args, notificationID: notificationID, sender: sender))
    case .undelivered(let undelivered):
      message.kind_case = PROGRESSOR__V1__SIGNAL__KIND_UNDELIVERED
      message.undelivered = arena.make(undelivered)
    }
  }
}

// The messages of the contract that the model has as cases of `Signal`.

struct InitSignal: CRepresentable {
  var args: [UInt8]

  init(args: [UInt8]) { self.args = args }

  static var initialize: (UnsafeMutablePointer<Progressor__V1__InitSignal>?) -> Void {
    progressor__v1__init_signal__init
  }

  init(_ message: Progressor__V1__InitSignal) throws(ProtobufError) { args = message.args.bytes }

  func fill(_ message: inout Progressor__V1__InitSignal, in arena: inout ProtobufArena) {
    message.args = arena.refer(to: args)
  }
}

struct TimeoutSignal: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__TimeoutSignal>?) -> Void {
    progressor__v1__timeout_signal__init
  }

  init() {}
  init(_ message: Progressor__V1__TimeoutSignal) throws(ProtobufError) {}
  func fill(_ message: inout Progressor__V1__TimeoutSignal, in arena: inout ProtobufArena) {}
}

struct NotificationSignal: CRepresentable {
  var args: [UInt8]
  var notificationID: String
  var sender: MachineID?

  init(args: [UInt8], notificationID: String, sender: MachineID?) {
    self.args = args
    self.notificationID = notificationID
    self.sender = sender
  }

  static var initialize: (UnsafeMutablePointer<Progressor__V1__NotificationSignal>?) -> Void {
    progressor__v1__notification_signal__init
  }

  init(_ message: Progressor__V1__NotificationSignal) throws(ProtobufError) {
    args = message.args.bytes
    notificationID = try message.notification_id.text("notification_id")
    sender = try MachineReference.read(message.sender, "sender")?.machineID
  }

  func fill(_ message: inout Progressor__V1__NotificationSignal, in arena: inout ProtobufArena) {
    message.args = arena.refer(to: args)
    message.notification_id = arena.make(notificationID)
    message.sender = arena.make(sender.map { MachineReference($0) })
  }
}
