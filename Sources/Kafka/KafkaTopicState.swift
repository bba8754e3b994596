import CRdkafka

/// What a cluster says of a topic.
public enum KafkaTopicState: Sendable, Hashable {
  /// It is there, with a leader for each partition.
  case ready
  /// There is none, or nobody may see it, or partitions have no leader.
  case failing(KafkaError)
  /// No broker has answered in time, or the producer is closed.
  case unknown
}

extension ClientPointer {
  /// Asks a broker, and blocks for `milliseconds` at most. Not from two threads at once, of which
  /// one may destroy the client.
  func state(of topic: String, milliseconds: Int32) -> KafkaTopicState {
    guard let handle = rd_kafka_topic_new(pointer, topic, nil) else { return .unknown }
    defer { rd_kafka_topic_destroy(handle) }
    var answer: UnsafePointer<rd_kafka_metadata>?
    let code = rd_kafka_metadata(pointer, 0, handle, &answer, milliseconds)
    guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let answer else { return .unknown }
    defer { rd_kafka_metadata_destroy(answer) }
    guard answer.pointee.topic_cnt > 0 else { return .unknown }
    let found = answer.pointee.topics[0]
    var codes = [found.err]
    for index in 0..<Int(found.partition_cnt) { codes.append(found.partitions[index].err) }
    let error = codes.first { $0 != RD_KAFKA_RESP_ERR_NO_ERROR }
    return error.map { .failing(KafkaError(KafkaError.Code($0))) } ?? .ready
  }
}
