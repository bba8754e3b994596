import MachineModel
import ProgressorProto

extension Samples {
  static let cursors = [
    FeedCursor(shard: ShardID(0), sequence: 0), FeedCursor(shard: ShardID(.max), sequence: .max),
    FeedCursor(shard: ShardID(7), sequence: 1),
  ]

  static let changes: [FeedChange] = [
    .created, .event(Event(id: 1, createdAt: .earliest, body: Content(data: []))),
    .event(Event(id: .max, createdAt: moment, body: Content(formatVersion: -3, data: payload))),
    .statusChanged(nil),
    .statusChanged(
      Failure(
        reason: "é", failedAt: moment, stepKind: .timeout, code: 13, attempts: 1, step: "t-1",
        principal: "é")),
    .removed,
  ]

  static var eventSink: [any ProtobufMessage] {
    let entries = changes.map { change in
      SubscribeResponse.entry(
        FeedEntry(
          shard: ShardID(3), sequence: .max, machine: machineID,
          note: FeedNote(change, at: moment)))
    }
    let consumers = [
      FeedConsumer(name: "é", createdAt: .earliest),
      FeedConsumer(
        name: "b", createdAt: moment, cursors: cursors, subscribers: 64, lag: .max,
        acknowledgedAt: .latest),
    ]
    return entries + [
      SubscribeRequest(subscription: FeedSubscription()),
      SubscribeRequest(subscription: FeedSubscription(start: .oldest, kinds: [.removed])),
      SubscribeRequest(
        subscription: FeedSubscription(
          namespaces: ["orders", "é"], cursors: cursors, start: .now, consumer: "é",
          kinds: Set(FeedKind.allCases))),
      SubscribeResponse.progress([]), SubscribeResponse.progress(cursors),
      AcknowledgeRequest(consumer: "é", cursors: []),
      AcknowledgeRequest(consumer: "é", cursors: cursors), AcknowledgeResponse(),
      ListConsumersRequest(), ListConsumersRequest(pageSize: .max, pageToken: "t"),
      ListConsumersResponse(consumers: []),
      ListConsumersResponse(consumers: consumers, nextPageToken: "t"),
      ResetConsumerRequest(consumer: "é", reset: .start(.oldest)),
      ResetConsumerRequest(consumer: "é", reset: .start(.now)),
      ResetConsumerRequest(consumer: "é", reset: .cursors(cursors)), ResetConsumerResponse(),
      DeleteConsumerRequest(consumer: "é"), DeleteConsumerResponse(),
    ]
  }
}
