import MachineModel
import ProgressorProto
import Testing

@testable import ProgressorServer

@Suite("Spans that wait for the collector") struct SpanQueueTests {
  private static let second: Int64 = 1_000_000

  /// Lets expectations ask a value that changes by being asked.
  private final class Queue {
    var queue: SpanQueue
    private var number: UInt64 = 0

    init(spans: Int = 40) {
      queue = SpanQueue(SpanQueue.Limits(spans: spans, batch: 10))
    }

    /// Whether the last of them is worth a look.
    @discardableResult
    func add(_ count: Int, at now: Int64 = 0) -> Bool {
      var mustLook = false
      for _ in 0..<count {
        number += 1
        let context = SpanContext(traceID: TraceID(high: 0, low: 1), spanID: number, flags: 1)
        mustLook = queue.add(
          TraceSpan(context, name: "n", kind: .server, startedAt: 0, endedAt: 0), now: now)
      }
      return mustLook
    }

    /// The numbers of the spans that are to be sent; nil = none are.
    func sent(at now: Int64) -> [UInt64]? {
      if case .send(let spans) = queue.next(now: now) { spans.map(\.context.spanID) } else { nil }
    }

    func next(at now: Int64) -> SpanQueue.Step { queue.next(now: now) }

    func ended(_ outcome: SpanQueue.Outcome, at now: Int64) -> SpanQueue.News? {
      queue.ended(outcome, now: now, random: 0)
    }

    var taken: SpanQueue.Outcome { .taken(rejected: 0, message: "") }

    func lost(_ loss: SpanQueue.Loss) -> UInt64 { queue.lost[loss.rawValue] }
  }

  @Test("a few wait until the first of them has waited long enough")
  func few() {
    let queue = Queue()
    #expect(queue.next(at: 0) == .nothing)
    #expect(queue.add(1, at: 100))
    #expect(!queue.add(1, at: 200))
    #expect(queue.next(at: 300) == .wait(until: 100 + 5 * Self.second))
    #expect(queue.sent(at: 100 + 5 * Self.second) == [1, 2])
    #expect(queue.ended(queue.taken, at: 6 * Self.second) == nil)
    #expect(queue.queue.exported == 2)
    #expect(queue.queue.count == 0)
  }

  @Test("a full batch goes at once, one at a time, in their order")
  func full() {
    let queue = Queue()
    #expect(queue.add(10))
    #expect(queue.sent(at: 0) == Array(1...10))
    #expect(!queue.add(15, at: 1))
    #expect(queue.next(at: 1) == .nothing)
    #expect(queue.ended(queue.taken, at: 2) == nil)
    #expect(queue.sent(at: 2) == Array(11...20))
    #expect(queue.ended(queue.taken, at: 3) == nil)
    #expect(queue.next(at: 3) == .wait(until: 1 + 5 * Self.second))
  }

  @Test("there is a bound, of what is under way, too, and what is beyond it is counted")
  func bound() {
    let queue = Queue()
    queue.add(10)
    #expect(queue.sent(at: 0)?.count == 10)
    #expect(!queue.add(400))
    #expect(queue.queue.count == 40)
    #expect(queue.lost(.full) == 370)
    #expect(queue.ended(queue.taken, at: 1) == nil)
    queue.add(400)
    #expect(queue.queue.count == 40)
    #expect(queue.lost(.full) == 760)
  }

  @Test("what is not taken is tried again, more and more seldom, until it is too old")
  func retries() {
    let queue = Queue()
    queue.add(10)
    #expect(queue.sent(at: 0)?.first == 1)
    #expect(queue.ended(.failed("away"), at: 0) == .began("away"))
    var now: Int64 = 0
    var pauses: [Int64] = []
    while queue.lost(.expired) == 0, pauses.count < 100 {
      guard case .wait(let until) = queue.next(at: now) else {
        Issue.record("it does not wait")
        return
      }
      pauses.append(until - now)
      now = until
      #expect(queue.sent(at: now)?.first == 1)
      #expect(queue.ended(.failed("away"), at: now) == nil)
    }
    #expect(pauses.prefix(5) == [500_000, 1_000_000, 2_000_000, 4_000_000, 5_000_000])
    #expect(pauses.reduce(0, +) >= 60 * Self.second)
    #expect(queue.lost(.expired) == 10)
    // The next one does not storm the collector either, and is told of when it is taken.
    queue.add(10, at: now)
    #expect(queue.next(at: now) == .wait(until: now + 5_000_000))
    #expect(queue.sent(at: now + 5_000_000)?.first == 11)
    #expect(
      queue.ended(queue.taken, at: now + 6_000_000) == .ended(after: now + 6_000_000, lost: 10))
    #expect(queue.queue.exported == 10)
  }

  @Test("what is refused for ever is dropped at once, told of once, and what comes later goes on")
  func refused() {
    let queue = Queue()
    queue.add(10)
    #expect(queue.sent(at: 0) != nil)
    #expect(queue.ended(.refused("no"), at: 0) == .began("no"))
    #expect(queue.lost(.refused) == 10)
    queue.add(10, at: 1)
    #expect(queue.next(at: 1) == .wait(until: 500_000))
    #expect(queue.sent(at: 500_000)?.first == 11)
    #expect(queue.ended(.refused("no"), at: 500_000) == nil)
    #expect(queue.lost(.refused) == 20)
  }

  @Test("a collector may take a part")
  func partial() {
    let queue = Queue()
    queue.add(10)
    #expect(queue.sent(at: 0) != nil)
    #expect(queue.ended(.taken(rejected: 3, message: "too old"), at: 0) == .rejected(3, "too old"))
    #expect((queue.queue.exported, queue.lost(.rejected)) == (7, 3))
    #expect(!queue.queue.isTroubled)
    queue.add(10)
    #expect(queue.sent(at: 1) != nil)
    // More than there were, or less than none, is nonsense.
    #expect(queue.ended(.taken(rejected: .max, message: ""), at: 1) == nil)
    #expect((queue.queue.exported, queue.lost(.rejected)) == (7, 13))
    queue.add(10)
    #expect(queue.sent(at: 2) != nil)
    #expect(queue.ended(.taken(rejected: -1, message: ""), at: 2) == nil)
    #expect(queue.queue.exported == 17)
  }

  @Test("what is rejected again and again is told once a minute, and ends an outage all the same")
  func rejections() {
    let queue = Queue()
    var news: [SpanQueue.News?] = []
    for time in [0, 1, 59, 60] as [Int64] {
      queue.add(10)
      #expect(queue.sent(at: time * Self.second) != nil)
      news.append(queue.ended(.taken(rejected: 1, message: "old"), at: time * Self.second))
    }
    #expect(news == [.rejected(1, "old"), nil, nil, .rejected(1, "old")])
    queue.add(10)
    #expect(queue.sent(at: 100 * Self.second) != nil)
    #expect(queue.ended(.refused("no"), at: 100 * Self.second) == .began("no"))
    queue.add(10)
    #expect(queue.sent(at: 120 * Self.second) != nil)
    #expect(
      queue.ended(.taken(rejected: 1, message: "old"), at: 120 * Self.second)
        == .ended(after: 20 * Self.second, lost: 11))
    #expect(!queue.queue.isTroubled)
  }

  @Test("at the end nothing is waited for, and what is left is counted")
  func end() {
    let queue = Queue()
    queue.add(12)
    queue.queue.close()
    #expect(queue.sent(at: 0) == Array(1...10))
    #expect(queue.ended(queue.taken, at: 0) == nil)
    #expect(queue.sent(at: 0) == [11, 12])
    #expect(queue.ended(.failed("away"), at: 0) == .began("away"))
    #expect(queue.queue.isTroubled)
    #expect(queue.lost(.expired) == 2)
    queue.add(1)
    queue.queue.abandon()
    #expect(queue.lost(.stopped) == 1)
    #expect(queue.queue.count == 0)
    #expect(queue.ended(queue.taken, at: 1) == nil)
    #expect(!queue.add(10))
    #expect(queue.lost(.stopped) == 11)
    #expect(queue.next(at: 1) == .nothing)
  }

  @Test("an answer that nobody waits for changes nothing")
  func late() {
    let queue = Queue()
    #expect(queue.ended(queue.taken, at: 0) == nil)
    #expect(queue.ended(.failed(""), at: 0) == nil)
    #expect(!queue.queue.isTroubled)
  }
}
