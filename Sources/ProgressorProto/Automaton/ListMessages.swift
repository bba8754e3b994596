import CProgressorProto
public import MachineModel

/// Request of `Automaton.ListMessages`.
public struct ListMessagesRequest: ProtobufMessage {
  /// The machine that sent them.
  public var machineID: MachineID
  /// 0 = the default.
  public var pageSize: Int32
  /// Of the page before; empty = the first page.
  public var pageToken: String

  public init(machineID: MachineID, pageSize: Int32 = 0, pageToken: String = "") {
    self.machineID = machineID
    self.pageSize = pageSize
    self.pageToken = pageToken
  }
}

extension ListMessagesRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ListMessagesRequest>?) -> Void {
    progressor__v1__list_messages_request__init
  }

  init(_ message: Progressor__V1__ListMessagesRequest) throws(ProtobufError) {
    machineID = try message.machineID()
    if message.page_size < 0 { throw .invalid("page_size", "must not be negative") }
    pageSize = message.page_size
    pageToken = try message.page_token.text("page_token")
  }

  func fill(_ message: inout Progressor__V1__ListMessagesRequest, in arena: inout ProtobufArena) {
    message.set(machineID, in: &arena)
    message.page_size = pageSize
    message.page_token = arena.make(pageToken)
  }
}

extension Progressor__V1__ListMessagesRequest: MachineFields {}

/// Response of `Automaton.ListMessages`.
public struct ListMessagesResponse: ProtobufMessage {
  /// By number.
  public var messages: [PendingMessage]
  /// For the next page; empty = this is the last one.
  public var nextPageToken: String

  public init(messages: [PendingMessage], nextPageToken: String = "") {
    self.messages = messages
    self.nextPageToken = nextPageToken
  }
}

extension ListMessagesResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ListMessagesResponse>?) -> Void {
    progressor__v1__list_messages_response__init
  }

  static var budget: DecodingBudget { .machine }

  init(_ message: Progressor__V1__ListMessagesResponse) throws(ProtobufError) {
    messages = try PendingMessage.readAll(
      message.messages, count: message.n_messages, "messages")
    nextPageToken = try message.next_page_token.text("next_page_token")
  }

  func fill(_ message: inout Progressor__V1__ListMessagesResponse, in arena: inout ProtobufArena) {
    message.messages = arena.makeAll(messages)
    message.n_messages = messages.count
    message.next_page_token = arena.make(nextPageToken)
  }
}

extension PendingMessage: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__PendingMessage>?) -> Void {
    progressor__v1__pending_message__init
  }

  init(_ message: Progressor__V1__PendingMessage) throws(ProtobufError) {
    self.init(
      number: message.number, message: try OutgoingMessage.require(message.message, "message"),
      createdAt: try Timestamp.require(message.created_at, "created_at"),
      deliverAt: try Timestamp.require(message.deliver_at, "deliver_at"),
      attempts: message.attempts,
      nextAttemptAt: message.undelivered != 0
        ? nil : try Timestamp.require(message.next_attempt_at, "next_attempt_at"),
      lastCode: message.last_code, lastReason: try message.last_reason.text("last_reason"))
  }

  func fill(_ message: inout Progressor__V1__PendingMessage, in arena: inout ProtobufArena) {
    message.number = number
    message.message = arena.make(self.message)
    message.created_at = arena.make(createdAt)
    message.deliver_at = arena.make(deliverAt)
    message.attempts = attempts
    message.next_attempt_at = arena.make(nextAttemptAt)
    message.last_code = lastCode
    message.last_reason = arena.make(lastReason)
    message.undelivered = nextAttemptAt == nil ? 1 : 0
  }
}
