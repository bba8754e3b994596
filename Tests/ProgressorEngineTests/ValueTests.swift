import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("Values of the engine")
struct EngineValueTests {
  private func event(_ id: Int64, bytes: Int = 1) -> Event {
    Event(id: id, createdAt: .earliest, body: Content(data: Array(repeating: 0, count: bytes)))
  }

  @Test("the history window answers what it holds whole, and nothing else")
  func window() {
    var window = HistoryWindow(maximumBytes: 400)
    #expect(window.select(.all, last: 0) == [])
    #expect(window.select(.all, last: 2) == nil)
    window.append((1...10).map { event($0) })
    #expect(window.bytes <= 400)
    #expect(window.select(HistoryRange(after: 8), last: 10)?.map(\.id) == [9, 10])
    let backward = HistoryRange(limit: 2, direction: .backward)
    #expect(window.select(backward, last: 10)?.map(\.id) == [10, 9])
    #expect(window.select(.all, last: 10) == nil)
  }

  @Test("the history window of a history with a hole answers nothing that it does not hold")
  func windowWithHole() {
    var window = HistoryWindow(maximumBytes: 4_000)
    window.append([event(1), event(2)])
    window.append([event(4), event(5)])
    #expect(window.select(.all, last: 5) == nil)
    #expect(window.select(HistoryRange(after: 3), last: 5)?.map(\.id) == [4, 5])
    #expect(window.select(HistoryRange(after: 4), last: 7) == nil)
    #expect(window.select(HistoryRange(after: -3, limit: -1), last: 5) == [])
  }

  @Test("a shard gives out each number once, in order, and none beyond its owner's")
  func serials() {
    let shard = OwnedShard(ShardID(0), epoch: 1)
    let numbers = (0..<1_000).map { _ in shard.nextSerial() }
    #expect(numbers == (1...1_000).map { 0x1_0000_0000 + $0 })
    let last = OwnedShard(ShardID(0), epoch: 1, counter: .max - 1)
    let ends = (0..<3).map { _ in last.nextSerial() }
    #expect(ends == [0x1_FFFF_FFFF, nil, nil])
    let next = OwnedShard(ShardID(0), epoch: 2)
    let first = next.nextSerial()
    #expect(first == 0x2_0000_0001)
    let lastEpoch = OwnedShard(ShardID(0), epoch: Int64(Int32.max), counter: .max - 1)
    let greatest = lastEpoch.nextSerial()
    #expect(greatest == .max)
    for epoch: Int64 in [-1, 1 << 31, .max, .min] {
      let shard = OwnedShard(ShardID(0), epoch: epoch)
      let number = shard.nextSerial()
      #expect(number == nil)
    }
  }

  @Test(
    "what needs a number of a shard that has none left waits for the next owner")
  func serialsUsedUp() {
    let world = World()
    world.processor.holds = true
    _ = world.engine.ownership.lose(Set(world.shards))
    world.engine.ownership.acquire(ShardGrant(shard: ShardID(0), epoch: 1), counter: .max - 1)
    world.play([.leaseRenewed(until: .max)])
    world.start("a")
    #expect(world.calls().count == 1)
    let refused = world.start("b")
    #expect(world.calls().isEmpty)
    let error = world.replies[refused]?.error
    #expect(error?.code == .unavailable && error?.message.contains("used up") == true)
    world.play([.shardsAcquired(world.grants(2)), .leaseRenewed(until: .max)])
    world.start("c")
    #expect(world.calls().count == 1)
  }

  @Test("the history window takes over only what reaches to the last event")
  func windowAdopts() {
    var window = HistoryWindow(maximumBytes: 4_000)
    window.adopt([event(1), event(2)], last: 3)
    #expect(window.select(.all, last: 3) == nil)
    window.adopt([event(3), event(2)], last: 3)
    #expect(window.select(HistoryRange(after: 1), last: 3)?.map(\.id) == [2, 3])
    window.adopt([event(1), event(2), event(3)], last: 3)
    #expect(window.select(.all, last: 3)?.map(\.id) == [1, 2, 3])
  }

  @Test("retries grow by the multiplier up to the cap, which is no end")
  func intervals() {
    let policy = RetryPolicy(initialInterval: 1_000, multiplier: 2, maxInterval: 6_000, jitter: 0)
    #expect(
      (1...5).map { policy.interval(after: $0, random: 0.5) } == [
        1_000, 2_000, 4_000, 6_000, 6_000,
      ])
    #expect(policy.interval(after: .max, random: 0.5) == 6_000)
    #expect(RetryPolicy(multiplier: 1, jitter: 0).interval(after: .max, random: 0) == 1_000_000)
  }

  @Test("jitter varies the interval by its part, and not more")
  func jitter() {
    let policy = RetryPolicy(initialInterval: 1_000, jitter: 0.1)
    #expect(policy.interval(after: 1, random: 0) == 900)
    #expect(policy.interval(after: 1, random: 1) == 1_100)
  }

  @Test("the first attempt counts, and 0 is no limit")
  func attempts() {
    #expect(!RetryPolicy().isExhausted(after: 99))
    #expect(RetryPolicy().isExhausted(after: 100))
    #expect(RetryPolicy(maxAttempts: 1).isExhausted(after: 1))
    #expect(!RetryPolicy(maxAttempts: 0).isExhausted(after: .max))
  }

  @Test("non-retryable are code names and ErrorInfo reasons")
  func nonRetryable() {
    let policy = RetryPolicy(nonRetryable: ["ABORTED", "NO_STOCK"])
    #expect(policy.isNonRetryable(.aborted, reasons: []))
    #expect(policy.isNonRetryable(.unavailable, reasons: ["NO_STOCK"]))
    #expect(!policy.isNonRetryable(.unavailable, reasons: ["OTHER"]))
  }

  @Test("each code that a processor sends has its class", arguments: Code.allCases)
  func classes(_ code: Code) {
    let verdict = Verdict(
      .status(ProcessorStatus(code: code, message: "")), limits: EngineConfiguration(),
      now: .earliest)
    let transient: Set<Code> = [
      .unavailable, .deadlineExceeded, .resourceExhausted, .aborted, .cancelled, .unimplemented,
      .unauthenticated,
    ]
    let refused: Set<Code> = [
      .invalidArgument, .notFound, .alreadyExists, .failedPrecondition, .outOfRange,
      .permissionDenied,
    ]
    switch verdict {
    case .transient: #expect(transient.contains(code))
    case .refused: #expect(refused.contains(code))
    case .fatal: #expect(!transient.contains(code) && !refused.contains(code))
    default: Issue.record("\(code) has no class")
    }
  }

  @Test("what our own client made up is transient, whatever its code", arguments: Code.allCases)
  func madeUp(_ code: Code) {
    let verdict = Verdict(
      .lost(code: code, message: ""), limits: EngineConfiguration(), now: .earliest)
    if case .transient = verdict {} else { Issue.record("\(code) is not transient") }
  }

  @Test("an unusable answer is fatal and says what is wrong with it")
  func unusable() {
    var limits = EngineConfiguration()
    limits.maximumContentBytes = 10
    limits.maximumStepBytes = 200
    limits.maximumStepEvents = 2
    func fault(_ answer: ProcessorAnswer) -> String? { answer.fault(limits, .earliest) }
    let large = Content(data: Array(repeating: 0, count: 11))
    #expect(
      fault(ProcessorAnswer(change: StateChange(events: [large])))?.contains("events[0]") == true)
    #expect(
      fault(ProcessorAnswer(change: StateChange(auxState: large)))?.contains("aux_state") == true)
    let small = Content(data: [1])
    #expect(fault(ProcessorAnswer(change: StateChange(events: [small, small, small]))) != nil)
    #expect(fault(ProcessorAnswer(response: Array(repeating: 0, count: 201))) != nil)
    let negative = TimerSetting(when: .timeout(microseconds: -1))
    #expect(
      fault(ProcessorAnswer(action: Action(timer: .set(negative))))?.contains("timeout") == true)
    let range = TimerSetting(
      when: .timeout(microseconds: 1), historyRange: HistoryRange(after: -1))
    #expect(fault(ProcessorAnswer(action: Action(timer: .set(range)))) != nil)
    #expect(fault(ProcessorAnswer(change: StateChange(events: [small]))) == nil)
  }

  @Test("the lease is trusted until its time, and never gets shorter by a late answer")
  func lease() {
    var lease = LeaseTrust()
    #expect(!lease.isTrusted(at: 0))
    lease.renewed(until: 10)
    lease.renewed(until: 5)
    #expect(lease.isTrusted(at: 9))
    #expect(!lease.isTrusted(at: 10))
  }

  @Test("deadlines of answered requests do not pile up")
  func deadlinesAreCompacted() {
    var heap = RequestDeadlines()
    for number in 0..<10_000 {
      heap.push(Int64(number), RequestID(UInt64(number)))
      heap.compact(live: 1) { $0.number == 0 }
    }
    var popped = 0
    while heap.pop(at: .max) != nil { popped += 1 }
    #expect(popped < 2_000)
  }

  @Test("the fingerprint tells methods and arguments apart, whatever history is asked for")
  func fingerprints() {
    let operations: [ProgressorEngine.Operation] = [
      .start(args: [1], key: "k"), .call(args: [1], range: nil, key: "k"),
      .call(args: [1, 0], range: nil, key: "k"),
      .notify(args: [1], range: nil, key: "k"), .repair(args: [1], range: nil, key: "k"),
    ]
    let prints = operations.compactMap { Fingerprint.of($0)?.fingerprint }
    #expect(Set(prints).count == operations.count)
    let ranged = Fingerprint.of(.call(args: [1], range: HistoryRange(limit: 0), key: "k"))
    #expect(ranged?.fingerprint == prints[1])
    #expect(Fingerprint.of(.call(args: [1], range: nil, key: nil)) == nil)
  }

  @Test("the notification queue keeps a prefix in memory, and says when it must be read")
  func notificationQueue() {
    var queue = NotificationQueue()
    func notification(_ sequence: Int64) -> QueuedNotification {
      QueuedNotification(
        sequence: sequence, notificationID: "\(sequence)", args: [], historyRange: nil,
        context: CallerContext(), acceptedAt: .earliest)
    }
    for sequence in 1...40 { queue.accepted(notification(Int64(sequence))) }
    #expect(queue.count == 40)
    #expect(queue.loaded.count == LoadRequest.notificationPage)
    for _ in 1...LoadRequest.notificationPage { queue.delivered() }
    #expect(queue.needsLoad)
    queue.accepted(notification(41))
    #expect(queue.loaded.isEmpty, "a later one must not overtake those that are not in memory")
    queue.refill((33...41).map(notification), count: 9)
    #expect(queue.head?.sequence == 33)

    // What was counted wrongly is not there; what was accepted since it was asked for is.
    var wrong = NotificationQueue()
    wrong.adopt([], count: 2)
    wrong.accepted(notification(3))
    wrong.refill([], count: 2)
    #expect(wrong.count == 1 && wrong.needsLoad)
    wrong.refill([notification(3)], count: 1)
    #expect(wrong.head?.sequence == 3)
  }
}
