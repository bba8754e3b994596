import MachineModel
import Testing

@testable import ProgressorServer

@Suite("What a sink acknowledges, and when")
struct SinkReceiptsTests {
  private let now = ContinuousClock.now

  private func cursor(_ shard: Int32, _ sequence: Int64) -> FeedCursor {
    FeedCursor(shard: ShardID(shard), sequence: sequence)
  }

  @Test("The first is acknowledged at once, the next when a while has passed since")
  func times() {
    var receipts = SinkReceipts(at: now)
    #expect(receipts.dueAt == nil && !receipts.isDue(at: now + .seconds(60)))
    receipts.add([cursor(1, 5)])
    #expect(receipts.isDue(at: now))
    let first = receipts.take(at: now)
    #expect(first == [cursor(1, 5)] && receipts.dueAt == nil)
    receipts.add([cursor(1, 6)])
    #expect(!receipts.isDue(at: now + .milliseconds(199)))
    #expect(receipts.dueAt == now + SinkReceipts.interval)
    #expect(receipts.isDue(at: now + .milliseconds(200)))
  }

  @Test("Of each shard the last counts, and nothing is acknowledged twice")
  func cursors() {
    var receipts = SinkReceipts(at: now)
    receipts.add([cursor(2, 5), cursor(1, 1)])
    receipts.add([cursor(2, 7)])
    receipts.add([cursor(3, 0)])
    let taken = receipts.take(at: now)
    #expect(taken == [cursor(1, 1), cursor(2, 7)], "nothing has come of the third")
    let rest = receipts.take(at: now)
    #expect(rest.isEmpty)
  }
}
