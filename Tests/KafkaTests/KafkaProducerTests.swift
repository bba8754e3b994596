import KafkaTestKit
import TestThreads
import Testing

@testable import Kafka

@Suite(.ownThreads, .timeLimit(.minutes(1))) struct KafkaProducerTests {
  let events = ToldEvents()

  private func producer(
    of brokers: [String], _ configuration: KafkaConfiguration = KafkaConfiguration(),
    timeout: Duration = .seconds(30)
  ) throws -> KafkaProducer {
    try KafkaProducer(
      brokers: brokers, configuration, deliveryTimeout: timeout, tell: events.tell)
  }

  private func record(
    _ key: String, _ value: String = "", headers: [KafkaHeader] = []
  ) -> KafkaRecord {
    KafkaRecord(
      topic: "t", key: Array(key.utf8), value: Array(value.utf8), headers: headers,
      timestamp: 1_795_560_363_250)
  }

  @Test func whatIsAcknowledgedIsThereAsItWasSent() async throws {
    let cluster = try MockCluster()
    let producer = try producer(of: cluster.brokers)
    let headers = [
      KafkaHeader("a", Array("1".utf8)), KafkaHeader("a", []), KafkaHeader("é", [0, 255]),
    ]
    try producer.send(record("k", "v", headers: headers), number: 7)
    #expect(await events.reports(1) == [7: KafkaReport(number: 7)])

    let records = try cluster.records(of: "t")
    #expect(records.map(\.keyText) == ["k"])
    #expect(records.map(\.valueText) == ["v"])
    #expect(records.map(\.timestamp) == [1_795_560_363_250])
    #expect(
      records.first?.headers == [
        .init("a", Array("1".utf8)), .init("a", []), .init("é", [0, 255]),
      ])
  }

  @Test func numbersOfRecordsAreTheirOwn() async throws {
    let cluster = try MockCluster()
    let producer = try producer(of: cluster.brokers)
    for number in [0, 1, UInt64(UInt32.max) << 32 + 5] {
      try producer.send(record("\(number)"), number: number)
    }
    #expect(Set(await events.reports(3).keys) == [0, 1, UInt64(UInt32.max) << 32 + 5])
  }

  /// The hashes are those of `org.apache.kafka.common.utils.UtilsTest.testMurmur2`.
  @Test(arguments: [
    ("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536),
  ])
  func aKeyHasThePartitionThatJavaChooses(key: String, hash: Int) async throws {
    let cluster = try MockCluster()
    cluster.createTopic("t", partitions: 7)
    let producer = try producer(of: cluster.brokers)
    try producer.send(record(key), number: 1)
    _ = await events.reports(1)
    let partition = Int(UInt32(bitPattern: Int32(hash)) & 0x7FFF_FFFF) % 7
    #expect(try cluster.records(of: "t", partitions: 7).map(\.partition) == [partition])
  }

  @Test func recordsOfAKeyStayInOrderThoughABrokerAsksToRepeat() async throws {
    let cluster = try MockCluster()
    let producer = try producer(of: cluster.brokers)
    // NOT_LEADER_FOR_PARTITION, REQUEST_TIMED_OUT, NOT_ENOUGH_REPLICAS.
    cluster.answer(.produce, [6, 7, 19])
    for number in 1...50 { try producer.send(record("k", "\(number)"), number: UInt64(number)) }
    #expect(await events.reports(50).values.allSatisfy { $0.error == nil })
    #expect(try cluster.records(of: "t").map(\.valueText) == (1...50).map { "\($0)" })
  }

  @Test func aRecordThatIsTooLargeIsRefusedAtOnce() throws {
    let cluster = try MockCluster()
    var configuration = KafkaConfiguration()
    try configuration.set("message.max.bytes", "1000")
    let producer = try producer(of: cluster.brokers, configuration)
    let error = #expect(throws: KafkaError.self) {
      try producer.send(record("k", String(repeating: "x", count: 1_001)), number: 1)
    }
    #expect(error?.code == .messageTooLarge)
  }

  @Test func whatNobodyAcknowledgesIsGivenUpInTime() async throws {
    let cluster = try MockCluster()
    let brokers = cluster.brokers
    cluster.takeDown(1)
    let producer = try producer(of: brokers, timeout: .milliseconds(500))
    try producer.send(record("k"), number: 1)
    #expect(await events.reports(1)[1]?.error?.code == .timedOut)
    let text = await events.error().text
    #expect(text.contains("refused") || text.contains("Disconnected"), "\(text)")
  }

  @Test func afterAFatalErrorNothingIsTaken() async throws {
    let cluster = try MockCluster()
    let producer = try producer(of: cluster.brokers)
    #expect(producer.fatalError == nil)
    producer.failForGood(KafkaError.Code(rawValue: 45), "out of order")
    #expect(producer.fatalError?.name == "OUT_OF_ORDER_SEQUENCE_NUMBER")
    #expect(await events.error().isFatal)
    let error = #expect(throws: KafkaError.self) { try producer.send(record("k"), number: 1) }
    #expect(error?.isFatal == true)
  }

  @Test func itEndsUnderLoadThoughNoBrokerAnswers() async throws {
    let cluster = try MockCluster()
    cluster.slowDown(1, milliseconds: 20_000)
    let producer = try producer(of: cluster.brokers)
    for number in 1...1_000 { try producer.send(record("\(number)"), number: UInt64(number)) }
    producer.close()
    producer.close()
    #expect(await producer.hasEnded(within: .seconds(5)))
    let error = #expect(throws: KafkaError.self) { try producer.send(record("k"), number: 1) }
    #expect(error?.code == .closed)
    #expect(producer.fatalError == nil)
  }

  @Test func aClusterSaysHowATopicIs() async throws {
    let cluster = try MockCluster()
    cluster.createTopic("t")
    cluster.failTopic("gone", 3)
    let producer = try producer(of: cluster.brokers)
    #expect(await producer.state(of: "t") == .ready)
    let gone = KafkaError(.topicUnknown)
    #expect(await producer.state(of: "gone") == .failing(gone))
    producer.close()
    #expect(await producer.hasEnded(within: .seconds(5)))
    #expect(await producer.state(of: "t") == .unknown)
  }

  @Test func noMoreAreTakenThanItsQueueHolds() throws {
    let cluster = try MockCluster()
    cluster.slowDown(1, milliseconds: 20_000)
    let producer = try producer(of: cluster.brokers)
    let error = #expect(throws: KafkaError.self) {
      for number in 0...KafkaProducer.maximumRecords {
        try producer.send(record("\(number)"), number: UInt64(number))
      }
    }
    #expect(error?.name == "_QUEUE_FULL")
  }
}
