import GRPC
import MachineModel
import NIOCore
import ProgressorProto
import ProgressorStorage

/// `progressor.v1.EventSink`: the feed, for those who follow along, and how far they have come.
struct EventSinkService: Sendable {
  /// The name under which health and reflection know it.
  static let name = "progressor.v1.EventSink"

  /// Consumers have a cursor for each shard.
  static let maximumPageSize: Int32 = 100

  let hub: FeedHub
  let maximumMessageBytes: Int

  private var storage: Storage { hub.storage }

  /// Serves the methods of the service.
  func register(in router: inout Router) {
    router.serverStreaming("/\(EventSinkService.name)/Subscribe") { subscribe($0, $1) }
    serve(AcknowledgeRequest.self, "Acknowledge", &router) {
      request, access throws(ProgressorError) in
      try check(request.cursors)
      try await storage.acknowledgeFeed(
        request.consumer, request.cursors, owner: access.consumerOwner)
      return AcknowledgeResponse()
    }
    serve(ListConsumersRequest.self, "ListConsumers", &router) {
      request, access throws(ProgressorError) in try await list(request, access)
    }
    serve(ResetConsumerRequest.self, "ResetConsumer", &router) {
      request, access throws(ProgressorError) in
      try await reset(request, access)
      return ResetConsumerResponse()
    }
    serve(DeleteConsumerRequest.self, "DeleteConsumer", &router) {
      request, access throws(ProgressorError) in
      try await storage.deleteFeedConsumer(request.consumer, owner: access.consumerOwner)
      return DeleteConsumerResponse()
    }
  }

  private func subscribe(_ request: UnaryRequest, _ responder: StreamResponder) {
    let access = CallerAccess(request)
    do throws(ProgressorError) {
      let subscription = try SubscribeRequest.decode(request.message).subscription
      for namespace in subscription.namespaces { try access.payloads(in: namespace) }
      FeedStream(
        subscription, access, responder, hub: hub, maximumMessageBytes: maximumMessageBytes
      ).begin()
    } catch {
      responder.finish(RPCStatus(error))
    }
  }

  private func check(_ cursors: [FeedCursor]) throws(ProgressorError) {
    for cursor in cursors where cursor.shard.number >= storage.shards {
      throw .invalidArgument(
        field: "cursors", "name shard \(cursor.shard.number): there are \(storage.shards)")
    }
  }

  private func reset(
    _ request: ResetConsumerRequest, _ access: CallerAccess
  ) async throws(ProgressorError) {
    let owner = access.consumerOwner
    switch request.reset {
    case .cursors(let cursors):
      try check(cursors)
      try await storage.resetFeedConsumer(
        request.consumer, cursors, othersBegin: false, owner: owner)
    case .start(.oldest):
      try await storage.resetFeedConsumer(request.consumer, [], othersBegin: true, owner: owner)
    case .start(.now):
      let heads = try await storage.feedHeads()
      try await storage.resetFeedConsumer(
        request.consumer, heads, othersBegin: true, owner: owner)
    }
  }

  private func list(
    _ request: ListConsumersRequest, _ access: CallerAccess
  ) async throws(ProgressorError) -> ListConsumersResponse {
    let scope = ConsumerScope()
    var after = ""
    if !request.pageToken.isEmpty { after = try PageToken.read(request.pageToken, of: scope) }
    let size =
      request.pageSize == 0 ? Self.maximumPageSize : min(request.pageSize, Self.maximumPageSize)
    let found = try await storage.feedConsumers(
      after: after, limit: size + 1, owner: access.consumerOwner)
    let page = Array(found.prefix(Int(size)))
    let last = found.count > page.count ? page.last?.name : nil
    return ListConsumersResponse(
      consumers: page,
      nextPageToken: last.map { PageToken.make(after: $0, of: scope) } ?? "")
  }

  /// Serves a method; a task per call will do for what comes now and then.
  private func serve<Message: ProtobufMessage, Response: ProtobufMessage>(
    _: Message.Type, _ method: String, _ router: inout Router,
    answer:
      @escaping @Sendable (Message, CallerAccess) async throws(ProgressorError) -> Response
  ) {
    let limit = maximumMessageBytes
    router.unary("/\(EventSinkService.name)/\(method)") { request, responder in
      let access = CallerAccess(request)
      let message: Message
      do throws(ProgressorError) { message = try .decode(request.message) } catch {
        return responder.fail(RPCStatus(error))
      }
      Task {
        do throws(ProgressorError) {
          guard let response = try await answer(message, access).buffer(limit: limit) else {
            throw ProgressorError(
              .resourceExhausted, .historyTooLarge,
              "the reply exceeds \(limit) bytes: ask for less by page_size")
          }
          responder.respond(response)
        } catch {
          responder.fail(RPCStatus(error))
        }
      }
    }
  }
}

/// What must stay the same from page to page.
private struct ConsumerScope: PageScope {
  var parts: [String] { ["EventSink", "ListConsumers"] }
}
