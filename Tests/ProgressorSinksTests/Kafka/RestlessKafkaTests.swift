import KafkaTestKit
import MachineModel
import TestThreads
import Testing

@testable import ProgressorSinks

/// Whatever a cluster does, all arrives, and what is of a machine in its order.
@Suite(.ownThreads, .timeLimit(.minutes(2))) struct RestlessKafkaTests {
  static let topic = "progressor.orders"

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func nothingIsLostOrOvertaken(seed: UInt64) async throws {
    let cluster = try MockCluster(brokers: 3)
    cluster.createTopic(Self.topic)
    let target = KafkaTarget(
      KafkaSetting(brokers: cluster.brokers), timeout: .milliseconds(700)
    ) { _ in }
    let entries = KafkaTargetTests.entries(300, of: 12)
    var chance = Chance(state: seed)
    var pending = entries
    var rounds = 0
    while !pending.isEmpty {
      rounds += 1
      // Later it is left alone, so that this ends.
      if rounds < 12 { disturb(cluster, &chance) } else { calm(cluster) }
      let page = Array(pending.prefix(80))
      let isCancelled = rounds < 12 && chance.below(4) == 0
      let delivery = Task { await target.deliver(page) }
      if isCancelled { delivery.cancel() }
      let receipt = await delivery.value
      #expect(!receipt.outcomes.contains { if case .parked = $0 { true } else { false } })
      pending.removeFirst(page.count)
      pending = zip(page, receipt.outcomes).filter { $0.1 == .pending }.map(\.0) + pending
    }
    await target.close()
    let told = KafkaTargetTests.firstTold(try cluster.records(of: Self.topic))
    #expect(told == KafkaTargetTests.sequences(entries))
  }

  private func disturb(_ cluster: MockCluster, _ chance: inout Chance) {
    let broker = 1 + chance.below(3)
    switch chance.below(6) {
    case 0: cluster.takeDown(broker)
    case 1: cluster.bringUp(broker)
    case 2: cluster.lead(Self.topic, partition: chance.below(4), by: broker)
    case 3: cluster.slowDown(broker, milliseconds: chance.below(400))
    case 4:
      // Errors that pass, and one that is the end of a producer.
      let codes: [Int32] = [6, 7, 19, 20, 45]
      cluster.answer(.produce, (0..<3).map { _ in codes[chance.below(codes.count)] })
    default: break
    }
  }

  private func calm(_ cluster: MockCluster) {
    cluster.forgetAnswers(.produce)
    for broker in 1...3 {
      cluster.bringUp(broker)
      cluster.slowDown(broker, milliseconds: 0)
    }
  }
}

/// The same numbers for the same seed.
private struct Chance {
  var state: UInt64

  mutating func below(_ limit: Int) -> Int {
    // Knuth's MMIX.
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int((state >> 33) % UInt64(limit))
  }
}
