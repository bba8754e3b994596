/// What is not to choose (librdkafka, CONFIGURATION.md).
extension KafkaConfiguration {
  /// Why a property cannot be set, to go on after its name; nil = it can be.
  public static func heldReason(of name: String) -> String? {
    // librdkafka takes properties of topics with and without the prefix.
    let plain = name.hasPrefix("topic.") ? String(name.dropFirst(6)) : name
    for name in [name, plain] {
      if let reason = held[name] { return reason }
      if let prefix = heldPrefixes.first(where: { name.hasPrefix($0.key) }) { return prefix.value }
      if name.hasSuffix("_cb") { return programs }
    }
    return nil
  }

  /// Whether the value of a property may not be shown: keys, passwords, and what may hold them.
  static func isSecret(_ name: String) -> Bool {
    let marks = ["password", "secret", "pem", "oauthbearer.config", "ssl_key", "kinit.cmd"]
    return marks.contains { name.contains($0) }
  }

  /// What makes the promise of the delivery: acknowledged by all replicas in sync, once and in
  /// order whatever librdkafka repeats, with a report within the timeout, in memory that is
  /// bounded. The partitions are those that Java's clients choose.
  static func delivery(within timeout: Duration) -> [(name: String, value: String)] {
    [
      ("enable.idempotence", "true"),
      ("acks", "all"),
      ("message.timeout.ms", String(Int(max(1, timeout / .milliseconds(1)).rounded(.up)))),
      ("partitioner", "murmur2_random"),
      ("queue.buffering.max.messages", String(KafkaProducer.maximumRecords)),
      ("queue.buffering.max.kbytes", String(KafkaProducer.maximumKilobytes)),
      ("log.queue", "true"),
    ]
  }

  private static let promise = "what is promised of the delivery depends on it"
  private static let brokers = "it is what `brokers` says"
  private static let programs = "it is for programs"
  private static let code = "it loads code into the server"

  private static let held: [String: String] = [
    "enable.idempotence": promise, "enable.gapless.guarantee": promise,
    "acks": promise, "request.required.acks": promise,
    "max.in.flight": promise, "max.in.flight.requests.per.connection": promise,
    "retries": promise, "message.send.max.retries": promise,
    "message.timeout.ms": promise, "delivery.timeout.ms": promise,
    "queuing.strategy": promise, "delivery.report.only.error": promise,
    "queue.buffering.max.messages": promise, "queue.buffering.max.kbytes": promise,
    "partitioner": promise,
    "transactional.id": "transactions are not used",
    "transaction.timeout.ms": "transactions are not used",
    "bootstrap.servers": brokers, "metadata.broker.list": brokers,
    "enabled_events": programs, "log.queue": programs, "opaque": programs,
    "default_topic_conf": programs, "interceptors": programs, "msg_order_cmp": programs,
    "ssl_key": programs, "ssl_certificate": programs, "ssl_ca": programs,
    "ssl_engine_callback_data": programs,
    "plugin.library.paths": code,
  ]

  /// `test.mock.num.brokers` would deliver into this process.
  private static let heldPrefixes: [String: String] = [
    "test.": "it is for tests of librdkafka", "internal.": programs, "ssl.engine.": code,
  ]
}
