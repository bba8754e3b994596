import KafkaTestKit
import MachineModel
import Synchronization
import TestThreads
import Testing

@testable import ProgressorSinks

/// What fails is told, and ends.
@Suite(.ownThreads, .timeLimit(.minutes(1))) struct BrokenKafkaTests {
  let cluster: MockCluster

  init() throws { cluster = try MockCluster() }

  private func target(
    timeout: Duration = .seconds(30), properties: [String: String] = [:]
  ) -> KafkaTarget {
    let setting = KafkaSetting(brokers: cluster.brokers, properties: properties)
    return KafkaTarget(setting, timeout: timeout) { _ in }
  }

  @Test func aTopicThatDoesNotExistHoldsUpItsNamespace() async throws {
    // UNKNOWN_TOPIC_OR_PART.
    cluster.failTopic("progressor.gone", 3)
    let target = target(properties: ["topic.metadata.propagation.max.ms": "1"])
    let entries = [
      Sample.entry(1, namespace: "gone"), Sample.entry(2), Sample.entry(3, namespace: "gone"),
    ]
    let receipt = await target.deliver(entries)
    #expect(receipt.outcomes == [.pending, .delivered, .pending])
    #expect(
      receipt.failure?.description
        == "topic progressor.gone does not exist, and the cluster makes none by itself")

    cluster.failTopic("progressor.gone", 0)
    let again = await target.deliver([entries[0], entries[2]])
    #expect(again == SinkReceipt(outcomes: [.delivered, .delivered]))
    #expect(
      try cluster.records(of: "progressor.gone").map { $0.header("ce_id") } == ["3-1", "3-3"])
  }

  @Test func whoMayNotWriteIsToldSo() async {
    // TOPIC_AUTHORIZATION_FAILED.
    cluster.answer(.produce, [29])
    let receipt = await target().deliver([Sample.entry()])
    #expect(
      receipt.failure?.description
        == "topic progressor.orders: Broker: Topic authorization failed "
        + "(TOPIC_AUTHORIZATION_FAILED)")
  }

  @Test func whoMayNotSeeATopicIsToldSo() async {
    // librdkafka asks again and again, and says nothing.
    cluster.failTopic("progressor.orders", 29)
    let receipt = await target(timeout: .seconds(1)).deliver([Sample.entry()])
    #expect(
      receipt.failure?.description
        == "no acknowledgement within 1.0 seconds from topic progressor.orders: "
        + "Broker: Topic authorization failed (TOPIC_AUTHORIZATION_FAILED)")
  }

  @Test func whereReplicasAreMissingTheTopicIsFine() async {
    // NOT_ENOUGH_REPLICAS, for as long as it is tried.
    cluster.answer(.produce, Array(repeating: 19, count: 1_000))
    let receipt = await target(timeout: .seconds(1)).deliver([Sample.entry()])
    #expect(
      receipt.failure?.description
        == "no acknowledgement within 1.0 seconds from topic progressor.orders, which is there: "
        + "replicas in sync may be missing")
  }

  @Test func afterAFatalErrorThereIsANewProducer() async throws {
    let target = target()
    // OUT_OF_ORDER_SEQUENCE_NUMBER: something was lost, says the broker.
    cluster.answer(.produce, [45])
    let entries = [Sample.entry(1), Sample.entry(2)]
    let receipt = await target.deliver(entries)
    #expect(receipt.outcomes == [.pending, .pending])
    #expect(receipt.failure?.description.hasPrefix("the producer failed: ") == true, "\(receipt)")

    #expect(await target.deliver(entries).failure == nil)
    let told = KafkaTargetTests.firstTold(try cluster.records(of: "progressor.orders"))
    #expect(told == KafkaTargetTests.sequences(entries))
  }

  /// A broker that does not take a batch may say of the next one that its sequence is wrong.
  @Test(arguments: [[10, 45], [10, 45, 45, 45, 45, 45]] as [[Int32]])
  func aRefusedBatchThatIsTheEndOfAProducerIsOvercome(codes: [Int32]) async throws {
    cluster.createTopic("progressor.orders", partitions: 1)
    let target = target(properties: ["batch.num.messages": "5", "linger.ms": "20"])
    let entries = KafkaTargetTests.entries(60, of: 30)
    cluster.answer(.produce, codes)
    let receipt = await target.deliver(entries)
    cluster.forgetAnswers(.produce)
    #expect(receipt.outcomes.allSatisfy { $0 == .pending || $0 == .delivered })
    let pending = zip(entries, receipt.outcomes).filter { $0.1 == .pending }.map(\.0)
    #expect(await target.deliver(pending).failure == nil)
    let told = KafkaTargetTests.firstTold(
      try cluster.records(of: "progressor.orders", partitions: 1))
    #expect(told == KafkaTargetTests.sequences(entries))
  }

  @Test func whoIsCancelledIsAnsweredAndNothingOfItComesLater() async throws {
    cluster.createTopic("progressor.orders")
    let target = target()
    #expect(await target.deliver([Sample.entry(1)]).failure == nil)

    cluster.slowDown(1, milliseconds: 20_000)
    let entries = (2...300).map { Sample.entry(Int64($0), machine: "o-\($0 % 3)") }
    let delivery = Task { await target.deliver(entries) }
    delivery.cancel()
    let receipt = await delivery.value
    #expect(receipt.outcomes == entries.map { _ in .pending })
    #expect(receipt.failure == SinkFailure("the delivery was cancelled"))

    cluster.slowDown(1, milliseconds: 0)
    #expect(await target.deliver(entries).failure == nil)
    let told = KafkaTargetTests.firstTold(try cluster.records(of: "progressor.orders"))
    #expect(told == KafkaTargetTests.sequences([Sample.entry(1)] + entries))
  }

  @Test func whatIsUnderWayIsGivenUpWhenItIsCancelled() async throws {
    cluster.createTopic("progressor.orders")
    let talk = Talk()
    let target = KafkaTarget(
      KafkaSetting(brokers: cluster.brokers, properties: ["debug": "msg", "log_level": "7"]),
      log: talk.add)
    #expect(await target.deliver([Sample.entry(0)]).failure == nil)
    let before = talk.count(of: Self.sent)
    cluster.slowDown(1, milliseconds: 20_000)
    let entries = (1...50).map { Sample.entry(Int64($0), machine: "o-\($0)") }
    let delivery = Task { await target.deliver(entries) }
    // The records are on their way.
    try await eventually { talk.count(of: Self.sent) > before }
    delivery.cancel()
    #expect(await delivery.value.failure == SinkFailure("the delivery was cancelled"))

    cluster.slowDown(1, milliseconds: 0)
    #expect(await target.deliver(entries).failure == nil)
    let told = KafkaTargetTests.firstTold(try cluster.records(of: "progressor.orders"))
    #expect(told == KafkaTargetTests.sequences([Sample.entry(0)] + entries))
  }

  /// What librdkafka says when it sends records.
  private static let sent = "Produce MessageSet with"

  @Test func whoeverWaitsIsAnsweredWhenItIsClosed() async throws {
    cluster.slowDown(1, milliseconds: 20_000)
    let target = target()
    let entries = (1...1_000).map { Sample.entry(Int64($0), machine: "o-\($0)") }
    async let delivery = target.deliver(entries)
    await target.close()
    let receipt = await delivery
    #expect(receipt.outcomes == entries.map { _ in .pending })
    #expect(receipt.failure?.description.hasSuffix("closed") == true, "\(receipt)")
    #expect(await target.deliver([Sample.entry()]).failure == SinkFailure("the sink is closed"))
    await target.close()
  }

  @Test func whatCannotBeSetIsWhyNothingIsDelivered() async {
    let target = target(properties: ["acks": "1"])
    let receipt = await target.deliver([Sample.entry()])
    #expect(receipt.outcomes == [.pending])
    #expect(receipt.failure?.description.hasPrefix("properties acks cannot be set") == true)
  }
}

/// Lines of a log.
private final class Talk: Sendable {
  private let lines = Mutex<[String]>([])

  func add(_ line: String) { lines.withLock { $0.append(line) } }

  func count(of text: String) -> Int {
    lines.withLock { lines in lines.count { $0.contains(text) } }
  }
}
