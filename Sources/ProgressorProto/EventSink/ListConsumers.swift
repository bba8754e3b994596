import CProgressorProto
public import MachineModel

/// Request of `EventSink.ListConsumers`.
public struct ListConsumersRequest: ProtobufMessage {
  /// The most consumers of a page, 0 = the default of the server.
  public var pageSize: Int32
  /// Of the page before; empty = the first page.
  public var pageToken: String

  public init(pageSize: Int32 = 0, pageToken: String = "") {
    self.pageSize = pageSize
    self.pageToken = pageToken
  }
}

extension ListConsumersRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ListConsumersRequest>?) -> Void {
    progressor__v1__list_consumers_request__init
  }

  init(_ message: Progressor__V1__ListConsumersRequest) throws(ProtobufError) {
    pageSize = try message.pageSize()
    pageToken = try message.pageToken()
  }

  func fill(_ message: inout Progressor__V1__ListConsumersRequest, in arena: inout ProtobufArena) {
    message.setPage(size: pageSize, token: pageToken, in: &arena)
  }
}

extension Progressor__V1__ListConsumersRequest: PageFields {}

/// Response of `EventSink.ListConsumers`.
public struct ListConsumersResponse: ProtobufMessage {
  /// By name.
  public var consumers: [FeedConsumer]
  /// For the next page; empty = this is the last one.
  public var nextPageToken: String

  public init(consumers: [FeedConsumer], nextPageToken: String = "") {
    self.consumers = consumers
    self.nextPageToken = nextPageToken
  }
}

extension ListConsumersResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ListConsumersResponse>?) -> Void {
    progressor__v1__list_consumers_response__init
  }

  static var budget: DecodingBudget { .machine }

  init(_ message: Progressor__V1__ListConsumersResponse) throws(ProtobufError) {
    consumers = try FeedConsumer.readAll(
      message.consumers, count: message.n_consumers, "consumers")
    nextPageToken = try message.next_page_token.text("next_page_token")
  }

  func fill(_ message: inout Progressor__V1__ListConsumersResponse, in arena: inout ProtobufArena) {
    message.consumers = arena.makeAll(consumers)
    message.n_consumers = consumers.count
    message.next_page_token = arena.make(nextPageToken)
  }
}

extension FeedConsumer: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__Consumer>?) -> Void {
    progressor__v1__consumer__init
  }

  init(_ message: Progressor__V1__Consumer) throws(ProtobufError) {
    self.init(
      name: try message.name.text("name"),
      createdAt: try Timestamp.require(message.created_at, "created_at"),
      cursors: try message.readCursors(), subscribers: message.subscribers, lag: message.lag,
      acknowledgedAt: try Timestamp.read(message.acknowledged_at, "acknowledged_at"))
  }

  func fill(_ message: inout Progressor__V1__Consumer, in arena: inout ProtobufArena) {
    message.name = arena.make(name)
    message.created_at = arena.make(createdAt)
    message.setCursors(cursors, in: &arena)
    message.subscribers = subscribers
    message.lag = lag
    message.acknowledged_at = arena.make(acknowledgedAt)
  }
}

extension Progressor__V1__Consumer: CursorFields {}
