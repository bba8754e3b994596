import Testing

@testable import Kafka

@Suite struct KafkaConfigurationTests {
  private func problem(_ name: String, _ value: String) -> String? {
    var configuration = KafkaConfiguration()
    do throws(KafkaPropertyError) {
      try configuration.set(name, value)
      return nil
    } catch { return "\(error)" }
  }

  @Test(arguments: [
    ("security.protocol", "sasl_ssl"), ("sasl.username", "u"), ("sasl.password", "p"),
    ("compression.type", "zstd"), ("linger.ms", "0"), ("client.id", "x"),
    ("message.max.bytes", "5000000"), ("debug", "broker"),
  ])
  func whatIsUsualCanBeSet(name: String, value: String) {
    #expect(problem(name, value) == nil)
  }

  @Test(arguments: [
    "enable.idempotence", "acks", "request.required.acks", "topic.acks",
    "topic.request.required.acks", "bootstrap.servers", "metadata.broker.list",
    "transactional.id", "max.in.flight", "max.in.flight.requests.per.connection", "retries",
    "message.send.max.retries", "message.timeout.ms", "topic.delivery.timeout.ms",
    "delivery.timeout.ms", "enable.gapless.guarantee", "partitioner", "topic.partitioner",
    "queuing.strategy", "delivery.report.only.error", "queue.buffering.max.messages",
    "queue.buffering.max.kbytes", "test.mock.num.brokers", "internal.termination.signal", "dr_cb",
    "dr_msg_cb", "partitioner_cb", "opaque", "plugin.library.paths", "ssl.engine.location",
  ])
  func whatTheDeliveryDependsOnCannotBeSet(name: String) {
    let problem = problem(name, "1")
    #expect(problem?.hasPrefix("\(name) cannot be set: ") == true, "\(problem ?? "it can")")
  }

  @Test func errorsNameThePropertyAndSayWhy() {
    #expect(problem("linger", "1") == "linger is unknown to librdkafka 2.0.2")
    #expect(
      problem("compression.type", "zip")
        == "compression.type is refused: Invalid value \"zip\" for configuration property "
        + "\"compression.codec\"")
    #expect(problem("client.id", "a\0b") == "client.id contains U+0000")
    #expect(problem("sasl.password\0", "x") == "sasl.password contains U+0000")
  }

  @Test(arguments: ["sasl.password", "ssl.key.password", "ssl.key.pem", "ssl_key"])
  func secretsAreNotShown(name: String) {
    #expect(problem(name, "hunter2\0")?.contains("hunter2") == false)
  }

  @Test func aKeyThatCannotBeReadIsNotShown() throws {
    var configuration = KafkaConfiguration()
    try configuration.set("security.protocol", "ssl")
    try configuration.set("ssl.key.pem", "hunter2")
    let error = #expect(throws: KafkaError.self) { try configuration.check() }
    #expect(error?.text.contains("hunter2") == false)
  }

  @Test func propertiesThatDoNotFitEachOtherAreFound() throws {
    var fine = KafkaConfiguration()
    try fine.set("linger.ms", "5")
    try fine.check()

    var missing = KafkaConfiguration()
    try missing.set("security.protocol", "ssl")
    try missing.set("ssl.ca.location", "/does/not/exist")
    let error = #expect(throws: KafkaError.self) { try missing.check() }
    #expect(error?.text.contains("ssl.ca.location") == true)

    var slow = KafkaConfiguration()
    try slow.set("linger.ms", "60000")
    #expect(throws: KafkaError.self) { try slow.check() }
  }
}
