import CProgressorProto
public import MachineModel

/// Request of `Automaton.DropNotification`.
public struct DropNotificationRequest: ProtobufMessage {
  /// The machine.
  public var machineID: MachineID
  /// The id that Notify answered.
  public var notificationID: String

  public init(machineID: MachineID, notificationID: String) {
    self.machineID = machineID
    self.notificationID = notificationID
  }
}

extension DropNotificationRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__DropNotificationRequest>?) -> Void {
    progressor__v1__drop_notification_request__init
  }

  init(_ message: Progressor__V1__DropNotificationRequest) throws(ProtobufError) {
    machineID = try message.machineID()
    notificationID = try message.notification_id.identifier("notification_id")
  }

  func fill(
    _ message: inout Progressor__V1__DropNotificationRequest, in arena: inout ProtobufArena
  ) {
    message.set(machineID, in: &arena)
    message.notification_id = arena.make(notificationID)
  }
}

extension Progressor__V1__DropNotificationRequest: MachineFields {}

/// Response of `Automaton.DropNotification`.
public struct DropNotificationResponse: ProtobufMessage {
  public init() {}
}

extension DropNotificationResponse: EmptyShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__DropNotificationResponse>?) -> Void {
    progressor__v1__drop_notification_response__init
  }
}
