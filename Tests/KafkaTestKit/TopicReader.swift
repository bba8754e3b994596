import CRdkafka

/// Reads a topic to its end, with librdkafka's consumer.
final class TopicReader {
  private let client: OpaquePointer
  private let partitions: Int

  init(brokers: [String], topic: String, partitions: Int) throws {
    let properties = [
      "bootstrap.servers": brokers.joined(separator: ","), "group.id": "reader",
      "enable.partition.eof": "true", "enable.auto.commit": "false", "log_level": "0",
    ]
    let conf = rd_kafka_conf_new()
    for (name, value) in properties { rd_kafka_conf_set(conf, name, value, nil, 0) }
    guard let client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, nil, 0) else {
      throw MockFailure(text: "no consumer")
    }
    rd_kafka_poll_set_consumer(client)
    let list = rd_kafka_topic_partition_list_new(Int32(partitions))
    for partition in 0..<partitions {
      rd_kafka_topic_partition_list_add(list, topic, Int32(partition)).pointee.offset =
        Int64(RD_KAFKA_OFFSET_BEGINNING)
    }
    rd_kafka_assign(client, list)
    rd_kafka_topic_partition_list_destroy(list)
    self.client = client
    self.partitions = partitions
  }

  deinit {
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
  }

  func readAll() throws -> [MockRecord] {
    var records: [MockRecord] = []
    var ended: Set<Int32> = []
    while ended.count < partitions {
      guard let message = rd_kafka_consumer_poll(client, 20_000) else {
        throw MockFailure(text: "the topic's end does not come")
      }
      defer { rd_kafka_message_destroy(message) }
      switch message.pointee.err {
      case RD_KAFKA_RESP_ERR_NO_ERROR: records.append(MockRecord(message))
      case RD_KAFKA_RESP_ERR__PARTITION_EOF: ended.insert(message.pointee.partition)
      default: continue
      }
    }
    return records.sorted { ($0.partition, $0.offset) < ($1.partition, $1.offset) }
  }
}

extension MockRecord {
  fileprivate init(_ message: UnsafeMutablePointer<rd_kafka_message_t>) {
    let content = message.pointee
    partition = Int(content.partition)
    offset = content.offset
    key = [UInt8](UnsafeRawBufferPointer(start: content.key, count: content.key_len))
    value = [UInt8](UnsafeRawBufferPointer(start: content.payload, count: content.len))
    timestamp = rd_kafka_message_timestamp(message, nil)
    headers = []
    var list: OpaquePointer?
    guard rd_kafka_message_headers(message, &list) == RD_KAFKA_RESP_ERR_NO_ERROR else { return }
    var name: UnsafePointer<CChar>?
    var bytes: UnsafeRawPointer?
    var size = 0
    while rd_kafka_header_get_all(list, headers.count, &name, &bytes, &size)
      == RD_KAFKA_RESP_ERR_NO_ERROR, let found = name
    {
      let value = [UInt8](UnsafeRawBufferPointer(start: bytes, count: size))
      headers.append(Header(String(cString: found), value))
    }
  }
}
