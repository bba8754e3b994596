import CProgressorProto
public import MachineModel

/// Request of `Automaton.ListNotifications`.
public struct ListNotificationsRequest: ProtobufMessage {
  /// The machine.
  public var machineID: MachineID
  /// The most notifications of a page, 0 = the default of the server.
  public var pageSize: Int32
  /// Of the page before; empty = the first page.
  public var pageToken: String

  public init(machineID: MachineID, pageSize: Int32 = 0, pageToken: String = "") {
    self.machineID = machineID
    self.pageSize = pageSize
    self.pageToken = pageToken
  }
}

extension ListNotificationsRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ListNotificationsRequest>?) -> Void {
    progressor__v1__list_notifications_request__init
  }

  init(_ message: Progressor__V1__ListNotificationsRequest) throws(ProtobufError) {
    machineID = try message.machineID()
    pageSize = try message.pageSize()
    pageToken = try message.pageToken()
  }

  func fill(
    _ message: inout Progressor__V1__ListNotificationsRequest, in arena: inout ProtobufArena
  ) {
    message.set(machineID, in: &arena)
    message.setPage(size: pageSize, token: pageToken, in: &arena)
  }
}

extension Progressor__V1__ListNotificationsRequest: MachineFields, PageFields {}

/// Response of `Automaton.ListNotifications`.
public struct ListNotificationsResponse: ProtobufMessage {
  /// In order of delivery.
  public var notifications: [PendingNotification]
  /// For the next page; empty = this is the last one.
  public var nextPageToken: String

  public init(notifications: [PendingNotification], nextPageToken: String = "") {
    self.notifications = notifications
    self.nextPageToken = nextPageToken
  }
}

extension ListNotificationsResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ListNotificationsResponse>?) -> Void
  {
    progressor__v1__list_notifications_response__init
  }

  static var budget: DecodingBudget { .machine }

  init(_ message: Progressor__V1__ListNotificationsResponse) throws(ProtobufError) {
    notifications = try PendingNotification.readAll(
      message.notifications, count: message.n_notifications, "notifications")
    nextPageToken = try message.next_page_token.text("next_page_token")
  }

  func fill(
    _ message: inout Progressor__V1__ListNotificationsResponse, in arena: inout ProtobufArena
  ) {
    message.notifications = arena.makeAll(notifications)
    message.n_notifications = notifications.count
    message.next_page_token = arena.make(nextPageToken)
  }
}

extension PendingNotification: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__QueuedNotification>?) -> Void {
    progressor__v1__queued_notification__init
  }

  init(_ message: Progressor__V1__QueuedNotification) throws(ProtobufError) {
    self.init(
      notificationID: try message.notification_id.text("notification_id"),
      acceptedAt: try Timestamp.require(message.accepted_at, "accepted_at"),
      args: message.args.bytes, attempt: message.attempt,
      nextAttemptAt: try Timestamp.read(message.next_attempt_at, "next_attempt_at"),
      lastCode: message.last_code, lastMessage: try message.last_message.text("last_message"))
  }

  func fill(_ message: inout Progressor__V1__QueuedNotification, in arena: inout ProtobufArena) {
    message.notification_id = arena.make(notificationID)
    message.accepted_at = arena.make(acceptedAt)
    message.args = arena.refer(to: args)
    message.attempt = attempt
    message.next_attempt_at = arena.make(nextAttemptAt)
    message.last_code = lastCode
    message.last_message = arena.make(lastMessage)
  }
}
