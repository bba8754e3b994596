import MachineModel
import ProgressorProto

/// Entries of the feed and consumers, as lines and as JSON.
enum FeedOutput {
  static let header: [TerminalText] = ["CONSUMER", "SINCE", "BEHIND", "ACKNOWLEDGED", "NOW"]

  static func row(_ consumer: FeedConsumer) -> [TerminalText] {
    [
      "\(consumer.name)", "\(consumer.createdAt.rfc3339)", "\(consumer.lag)",
      consumer.acknowledgedAt.map { "\($0.rfc3339)" } ?? "never", "\(consumer.subscribers)",
    ]
  }

  /// In the JSON form of `progressor.v1.Consumer`.
  static func value(_ consumer: FeedConsumer) -> JSONValue {
    .members([
      "name": .string(consumer.name), "createdAt": .string(consumer.createdAt.rfc3339),
      "cursors": .array(consumer.cursors.map(cursor)),
      "subscribers": .int32(consumer.subscribers), "lag": .int64(consumer.lag),
      "acknowledgedAt": consumer.acknowledgedAt.map { .string($0.rfc3339) },
    ])
  }

  private static func cursor(_ cursor: FeedCursor) -> JSONValue {
    .members(["shard": .int32(cursor.shard.number), "sequence": .int64(cursor.sequence)])
  }

  static func line(_ entry: FeedEntry) -> TerminalText {
    let machine = entry.machine
    let change: TerminalText =
      switch entry.note.change {
      case .created: "created"
      case .event(let event): "event" + MachineText.line(event)
      case .statusChanged(nil): "works"
      case .statusChanged(let failure?): "failed: \(failure.reason)"
      case .removed: "removed"
      }
    return "\(entry.note.createdAt.rfc3339)  \(entry.shard.number):\(entry.sequence)  "
      + "\(machine.namespace)/\(machine.id)  " + change
  }

  /// In the JSON form of `progressor.v1.SubscribeResponse`.
  static func json(_ entry: FeedEntry) -> JSONValue {
    let change: JSONValue.Member =
      switch entry.note.change {
      case .created: .init("created", .object([]))
      case .event(let event): .init("event", MachineJSON.event(event))
      case .statusChanged(let failure):
        .init(
          "statusChanged",
          .members(["status": MachineJSON.status(failure.map { .failed($0) } ?? .working(nil))]))
      case .removed: .init("removed", .object([]))
      }
    return .object([
      .init("shard", .int32(entry.shard.number)), .init("sequence", .int64(entry.sequence)),
      .init("namespace", .string(entry.machine.namespace)),
      .init("machineId", .string(entry.machine.id)),
      .init("createdAt", .string(entry.note.createdAt.rfc3339)), change,
    ])
  }
}
