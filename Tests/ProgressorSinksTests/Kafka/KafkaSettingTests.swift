import Testing

@testable import ProgressorSinks

@Suite struct KafkaSettingTests {
  private func problem(_ setting: KafkaSetting) -> String? {
    do throws(InvalidSinkSetting) {
      try setting.validate()
      return nil
    } catch { return "\(error)" }
  }

  @Test(arguments: [
    "localhost:9092", "k-1.eu_west.example.com:1", "10.0.0.1:65535", "[::1]:9092", "[fe80::1%2]:1",
  ])
  func aBrokerIsAHostAndAPort(broker: String) {
    #expect(problem(KafkaSetting(brokers: [broker])) == nil)
  }

  @Test(arguments: [
    "", "k", "k:", ":9092", "k:0", "k:65536", "k:+1", "k:１", "PLAINTEXT://k:1", "k:1,l:1", "k l:1",
    "k:1/x", "::1:9092", "[]:1", "k\0:1", "u@k:1",
  ])
  func nothingElseIsABroker(broker: String) {
    #expect(
      problem(KafkaSetting(brokers: ["k:1", broker]))
        == "brokers must be HOST:PORT: number 2 is not")
  }

  @Test func thereHasToBeOne() {
    #expect(problem(KafkaSetting(brokers: [])) == "brokers must name one at least")
  }

  @Test(arguments: [
    ("", "topic is empty"), (".", "topic is no name of a topic"),
    ("a b", "topic has something other than letters of ASCII, digits, \".\", \"_\" and \"-\""),
    (
      "{name}",
      "topic has something other than letters of ASCII, digits, \".\", \"_\" and \"-\""
    ),
    (String(repeating: "t", count: 250), "topic is longer than 249 bytes"),
  ])
  func aTopicHasToBeOneThatKafkaTakes(topic: String, problem: String) {
    #expect(self.problem(KafkaSetting(brokers: ["k:1"], topic: topic)) == problem)
  }

  @Test func propertiesAreChecked() {
    func problem(_ properties: [String: String]) -> String? {
      self.problem(KafkaSetting(brokers: ["k:1"], properties: properties))
    }
    #expect(problem(["compression.type": "zstd", "client.id": "me", "linger.ms": "20"]) == nil)
    #expect(
      problem(["no.such": "1"])?.hasPrefix("properties no.such is unknown to librdkafka") == true)
    #expect(
      problem(["acks": "1"])
        == "properties acks cannot be set: what is promised of the delivery depends on it")
    #expect(problem(["linger.ms": "soon"])?.hasPrefix("properties linger.ms is refused") == true)
    // Files are read, as the server will.
    #expect(
      problem(["security.protocol": "ssl", "ssl.ca.location": "/does/not/exist"])?
        .contains("ssl.ca.location") == true)
  }

  @Test(arguments: ["sasl.password", "ssl.key.password", "ssl.key.pem", "ssl.keystore.password"])
  func secretsAreNotShown(name: String) {
    let properties = [
      "security.protocol": "sasl_ssl", "sasl.mechanism": "none", name: "hunter2\u{7}",
    ]
    let problem = problem(KafkaSetting(brokers: ["k:1"], properties: properties))
    #expect(problem?.contains("hunter2") == false)
  }
}
