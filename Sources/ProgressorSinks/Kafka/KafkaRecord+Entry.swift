import Kafka
import MachineModel
import ProgressorProto

extension KafkaRecord {
  /// The record of an entry: CloudEvents 1.0, Kafka protocol binding, binary content mode.
  init(_ entry: FeedEntry, topic: String, format: SinkFormat) {
    let contentType: String
    let value: [UInt8]
    switch format {
    case .protobuf:
      contentType = "application/protobuf"
      value = SubscribeResponse.entry(entry).encoded()
    case .json:
      contentType = "application/json"
      value = EntryJSON.bytes(entry)
    }
    let attributes = CloudEvent(entry).kafkaHeaders + [("content-type", contentType)]
    self.init(
      topic: topic, key: Array("\(entry.machine.namespace)/\(entry.machine.id)".utf8),
      value: value, headers: attributes.map { KafkaHeader($0.name, Array($0.value.utf8)) },
      timestamp: entry.note.createdAt.microseconds / 1_000)
  }

  /// About what Kafka counts as its size.
  var bytes: Int {
    headers.reduce(key.count + value.count) { $0 + $1.name.utf8.count + $1.value.count }
  }
}
