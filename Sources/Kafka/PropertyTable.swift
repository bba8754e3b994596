import CRdkafka

/// librdkafka's `rd_kafka_conf_t`: of one thread, for one producer.
final class PropertyTable {
  /// Nil once a client owns it.
  private var conf: OpaquePointer?

  init() { conf = rd_kafka_conf_new() }

  deinit { if let conf { rd_kafka_conf_destroy(conf) } }

  /// Throws when librdkafka does not know the property or does not take the value.
  func set(_ name: String, _ value: String) throws(KafkaPropertyError) {
    // C would end the texts there.
    if name.utf8.contains(0) || value.utf8.contains(0) {
      throw KafkaPropertyError(name: name.filter { $0 != "\0" }, problem: "contains U+0000")
    }
    let (result, text) = withErrorText { text, size in
      rd_kafka_conf_set(conf, name, value, text, size)
    }
    switch result {
    case RD_KAFKA_CONF_OK: return
    case RD_KAFKA_CONF_UNKNOWN:
      let version = String(cString: rd_kafka_version_str())
      throw KafkaPropertyError(name: name, problem: "is unknown to librdkafka \(version)")
    default:
      let isSecret = KafkaConfiguration.isSecret(name)
      let problem = isSecret || text.isEmpty ? "has a value that cannot be" : "is refused: \(text)"
      throw KafkaPropertyError(name: name, problem: problem)
    }
  }

  /// A producer of these properties, which owns them from now on; its events are to be taken from
  /// its main queue.
  func makeClient() throws(KafkaError) -> ClientPointer {
    rd_kafka_conf_set_events(
      conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG)
    let (client, text) = withErrorText { text, size in
      rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, size)
    }
    guard let client else {
      throw KafkaError(KafkaError.Code(rd_kafka_last_error()), text)
    }
    conf = nil
    // To the main queue.
    rd_kafka_set_log_queue(client, nil)
    return ClientPointer(client)
  }
}

/// Calls `body` with a buffer for a text, and answers what stands in it afterwards.
func withErrorText<Result>(
  _ body: (UnsafeMutablePointer<CChar>?, Int) -> Result
) -> (Result, String) {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { buffer in
    buffer.initialize(repeating: 0)
    let result = body(buffer.baseAddress, buffer.count)
    let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    let text = String(decoding: bytes, as: UTF8.self)
    return (result, text.last?.isNewline == true ? String(text.dropLast()) : text)
  }
}
