import KafkaTestKit
import MachineModel
import ProgressorProto
import TestThreads
import Testing

@testable import ProgressorSinks

@Suite(.ownThreads, .timeLimit(.minutes(1))) struct KafkaTargetTests {
  let cluster: MockCluster

  init() throws {
    cluster = try MockCluster(brokers: 3)
    cluster.createTopic("progressor.orders")
  }

  private func target(
    _ format: SinkFormat = .protobuf, timeout: Duration = .seconds(30),
    properties: [String: String] = [:]
  ) -> KafkaTarget {
    let setting = KafkaSetting(brokers: cluster.brokers, format: format, properties: properties)
    return KafkaTarget(setting, timeout: timeout) { _ in }
  }

  private func records(of topic: String = "progressor.orders") throws -> [MockRecord] {
    try cluster.records(of: topic)
  }

  @Test func anEntryIsACloudEventInBinaryMode() async throws {
    let target = target()
    let entry = Sample.entry(17, shard: 3, machine: "o/1")
    #expect(await target.deliver([entry]) == SinkReceipt(outcomes: [.delivered]))
    await target.close()

    let record = try #require(try records().first)
    #expect(record.keyText == "orders/o/1")
    #expect(try SubscribeResponse(decoding: record.value) == .entry(entry))
    #expect(record.timestamp == 1_795_560_363_250)
    #expect(
      record.headers.map { "\($0.name): \(String(decoding: $0.value, as: UTF8.self))" } == [
        "ce_specversion: 1.0", "ce_id: 3-17", "ce_type: progressor.v1.created",
        "ce_source: /progressor/orders", "ce_subject: o/1", "ce_time: 2026-11-24T22:46:03.250Z",
        "content-type: application/protobuf",
      ])
  }

  @Test func itsValueMayBeJSON() async throws {
    let target = target(.json)
    let entry = Sample.entry()
    #expect(await target.deliver([entry]) == SinkReceipt(outcomes: [.delivered]))
    let record = try #require(try records().first)
    #expect(record.value == EntryJSON.bytes(entry))
    #expect(record.header("content-type") == "application/json")
  }

  @Test func nothingNeedsNoBroker() async {
    cluster.takeDown(1)
    #expect(await target().deliver([]) == SinkReceipt(outcomes: []))
  }

  /// One after the other would take longer than a delivery may last.
  @Test func entriesOfManyMachinesGoTogether() async throws {
    for broker in 1...3 { cluster.slowDown(broker, milliseconds: 200) }
    let entries = (1...2_000).map { Sample.entry(Int64($0), machine: "m\($0)") }
    let receipt = await target().deliver(entries)
    #expect(receipt == SinkReceipt(outcomes: entries.map { _ in .delivered }))
    #expect(try records().count == 2_000)
  }

  @Test func entriesOfAMachineStayInOrderThoughBrokersAskToRepeat() async throws {
    // NOT_LEADER_FOR_PARTITION, REQUEST_TIMED_OUT, NOT_ENOUGH_REPLICAS and …_AFTER_APPEND.
    cluster.answer(.produce, [6, 7, 19, 20, 6, 6, 7])
    let entries = Self.entries(100, of: 10)
    #expect(await target().deliver(entries).failure == nil)
    #expect(Self.firstTold(try records()) == Self.sequences(entries))
  }

  @Test func entriesGoOnWhereTheLeaderIs() async throws {
    let target = target()
    let entries = Self.entries(120, of: 10)
    for (round, broker) in [1, 2, 3, 1].enumerated() {
      for partition in 0..<4 { cluster.lead("progressor.orders", partition: partition, by: broker) }
      let part = Array(entries[(round * 30)..<(round * 30 + 30)])
      #expect(await target.deliver(part).failure == nil)
    }
    #expect(Self.firstTold(try records()) == Self.sequences(entries))
  }

  @Test func withoutBrokersItFailsInTimeAndGoesOnAfterwards() async throws {
    let target = target(timeout: .seconds(1))
    let entries = Self.entries(20, of: 4)
    for broker in 1...3 { cluster.takeDown(broker) }
    var pending = entries
    let receipt = await target.deliver(pending)
    #expect(receipt.outcomes == pending.map { _ in .pending })
    let text = try #require(receipt.failure?.description)
    let expected = "no acknowledgement within 1.0 seconds from topic progressor.orders: "
    #expect(text.hasPrefix(expected) && text.count > expected.count, "\(text)")

    for broker in 1...3 { cluster.bringUp(broker) }
    try await eventually {
      let outcomes = await target.deliver(pending).outcomes
      pending = zip(pending, outcomes).filter { $0.1 == .pending }.map(\.0)
      return pending.isEmpty
    }
    #expect(Self.firstTold(try records()) == Self.sequences(entries))
  }

  // What can never arrive

  @Test func whatIsTooLargeForUsIsParkedAndTheOthersGoOn() async throws {
    let target = target(properties: ["message.max.bytes": "3000"])
    let entries = [
      Sample.entry(1), Self.entry(2, bytes: 4_000), Sample.entry(3),
      Sample.entry(4, machine: "o-2"),
    ]
    let receipt = await target.deliver(entries)
    #expect(receipt.failure == nil)
    guard case .parked(let reason) = receipt.outcomes[1] else {
      Issue.record("\(receipt.outcomes)")
      return
    }
    #expect(reason.hasPrefix("topic progressor.orders does not take a record of 4"), "\(reason)")
    #expect(Self.firstTold(try records()) == ["o-1": ["3-1", "3-3"], "o-2": ["3-4"]])
  }

  @Test func whatIsTooLargeForTheTopicIsParkedAndTheOthersGoOn() async throws {
    // MSG_SIZE_TOO_LARGE to the one under way, and again when it is sent alone.
    cluster.answer(.produce, [10, 10])
    let entries = [Sample.entry(1), Sample.entry(2), Sample.entry(3)]
    let receipt = await target().deliver(entries)
    guard case .parked(let reason) = receipt.outcomes[0] else {
      Issue.record("\(receipt)")
      return
    }
    #expect(reason.contains("MSG_SIZE_TOO_LARGE"))
    #expect(Array(receipt.outcomes[1...]) == [.delivered, .delivered])
    #expect(Self.firstTold(try records()) == ["o-1": ["3-2", "3-3"]])
  }

  /// A broker refuses a batch, of which librdkafka says the same of each record.
  @Test(arguments: [10, 18, 87] as [Int32])
  func whatIsRefusedOnlyWithOthersArrives(code: Int32) async throws {
    cluster.answer(.produce, [code, code, code])
    let entries = Self.entries(60, of: 30)
    let receipt = await target().deliver(entries)
    #expect(receipt == SinkReceipt(outcomes: entries.map { _ in .delivered }))
    #expect(Self.firstTold(try records()) == Self.sequences(entries))
  }

  @Test func aNamespaceWhoseTopicCannotBeIsParked() async throws {
    let long = Sample.entry(1, namespace: String(repeating: "n", count: 250))
    let receipt = await target().deliver([long, Sample.entry(2)])
    #expect(
      receipt
        == SinkReceipt(outcomes: [
          .parked("the topic of the namespace is longer than 249 bytes"), .delivered,
        ]))
  }

  @Test(arguments: [
    "a\0b", "\u{202E}x\u{7}", "e\u{301}", "\u{E9}", String(repeating: "x", count: 256), "/", "\"\\",
  ])
  func anyIdHasItsRecord(id: String) async throws {
    let namespace = "café \(id.prefix(8))"
    let receipt = await target().deliver([Sample.entry(1, namespace: namespace, machine: id)])
    #expect(receipt == SinkReceipt(outcomes: [.delivered]))
    let topic = KafkaTopic("progressor.{namespace}").name(of: namespace)
    let record = try #require(try records(of: topic).first)
    #expect(record.key == Array("\(namespace)/\(id)".utf8))
    #expect(record.headers.first { $0.name == "ce_subject" }?.value == Array(id.utf8))
  }

  private static func entry(_ sequence: Int64, bytes: Int) -> FeedEntry {
    let body = Content(formatVersion: 1, data: Array(repeating: 7, count: bytes))
    return Sample.entry(sequence, .event(Event(id: 1, createdAt: Sample.time, body: body)))
  }

  static func entries(_ count: Int, of machines: Int) -> [FeedEntry] {
    (0..<count).map { Sample.entry(Int64($0 + 1), machine: "m\($0 % machines)") }
  }

  /// The ids of the entries of each machine, in order.
  static func sequences(_ entries: [FeedEntry]) -> [String: [String]] {
    Dictionary(grouping: entries, by: \.machine.id).mapValues { $0.map { "3-\($0.sequence)" } }
  }

  /// The ids of each machine's records, in the order in which each came first.
  static func firstTold(_ records: [MockRecord]) -> [String: [String]] {
    var told: [String: [String]] = [:]
    for record in records {
      let id = record.header("ce_id") ?? ""
      let machine = record.header("ce_subject") ?? ""
      if told[machine]?.contains(id) != true { told[machine, default: []].append(id) }
    }
    return told
  }
}
