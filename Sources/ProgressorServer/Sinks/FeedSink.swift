import Logging
import MachineModel
import ProgressorSinks
import ProgressorStorage
import Synchronization

/// Delivers the feed to one target, as a subscriber of the consumer that has the sink's name: what
/// has arrived it acknowledges, and there it goes on after a restart, here or elsewhere.
struct FeedSink: Sendable {
  let setting: SinkSetting
  let target: any SinkTarget
  let hub: FeedHub
  let ledger: SinkLedger

  /// Before it begins anew.
  private static let pause: Duration = .seconds(1)

  /// Larger than a subscriber's: it is one of few, and asks for the next one when all of this has
  /// arrived.
  private static let page = FeedQuery(cursors: [], entries: 256, bytes: 1 << 20, largest: 1 << 20)

  private var subscription: FeedSubscription {
    FeedSubscription(consumer: setting.name, kinds: setting.kinds)
  }

  /// Runs until its task is cancelled.
  func run() async {
    while !Task.isCancelled {
      let course = FeedCourse(subscription, .node, hub: hub, page: Self.page) {
        ledger.troubled($0)
      }
      await withTaskCancellationHandler {
        do throws(ProgressorError) { try await follow(course) } catch {
          if !course.isOver { ledger.interrupted(error) }
        }
      } onCancel: {
        course.end()
      }
      course.end()
      try? await Task.sleep(for: Self.pause)
    }
    ledger.ended()
  }

  private func follow(_ course: FeedCourse) async throws(ProgressorError) {
    try await course.begin()
    ledger.begun()
    var receipts = SinkReceipts(at: .now)
    var backoff = SinkBackoff()
    while !course.isOver {
      if let share = course.takeNextShare() {
        try await acknowledge(&receipts, course)
        try await course.take(share)
      } else if receipts.isDue(at: .now) {
        try await acknowledge(&receipts, course)
      } else if let query = course.nextQuery() {
        try await deliver(query, course, &backoff)
        receipts.add(course.takeProgress())
      } else {
        await course.doorbell.wait(until: receipts.dueAt)
      }
    }
    // What has arrived need not come again.
    try await acknowledge(&receipts, course)
  }

  /// Stores how far it has come, if it has.
  private func acknowledge(
    _ receipts: inout SinkReceipts, _ course: FeedCourse
  ) async throws(ProgressorError) {
    let cursors = receipts.take(at: .now)
    if cursors.isEmpty { return }
    let generation = course.generation
    try await course.patiently { () async throws(ProgressorError) in
      try await hub.storage.acknowledgeFeed(
        setting.name, cursors, owner: nil, generation: generation)
    }
  }

  // A page

  private func deliver(
    _ query: FeedQuery, _ course: FeedCourse, _ backoff: inout SinkBackoff
  ) async throws(ProgressorError) {
    var page = SinkPage()
    for part in try await course.read(query) {
      let entries = try course.update { position throws(ProgressorError) in
        try read(part, at: &position)
      }
      page.add(part, entries, where: isWanted)
    }
    for part in await deliver(page, course, &backoff) {
      guard let omission = part.omission else { continue }
      try await pass(omission, of: part.shard, course, &backoff)
    }
  }

  /// What a page leaves out.
  private func pass(
    _ omission: FeedOmission, of shard: ShardID, _ course: FeedCourse, _ backoff: inout SinkBackoff
  ) async throws(ProgressorError) {
    guard isWanted(omission.machine.namespace, omission.kind) else {
      return course.update { $0.skip(shard, to: omission.sequence) }
    }
    switch omission.cause {
    case .large(let bytes):
      // It was marked when it was read.
      if course.isInterrupted { return }
      try await deliverLarge(shard, bytes, course, &backoff)
    case .damaged(let problem):
      ledger.parked(omission, of: shard, because: problem)
      course.update { $0.skip(shard, to: omission.sequence) }
    case .later(let what):
      // Whoever is of that version will have the shard some day.
      ledger.held(shard, at: omission.sequence, because: what)
      course.update { $0.hold(shard) }
    }
  }

  /// What follows, though something before it may be gone.
  private func read(
    _ part: FeedPart, at position: inout FeedPosition
  ) throws(ProgressorError) -> [FeedEntry] {
    do { return try position.read(part) } catch {
      guard error.reason == .cursorTooOld else { throw error }
    }
    ledger.missed(
      part.shard, after: position.cursor(of: part.shard)?.sequence ?? 0, upTo: part.gone)
    position.forgive(part.shard, upTo: part.gone)
    return try position.read(part)
  }

  /// The next entry of the shard, which is no page's.
  private func deliverLarge(
    _ shard: ShardID, _ bytes: Int64, _ course: FeedCourse, _ backoff: inout SinkBackoff
  ) async throws(ProgressorError) {
    guard let part = try await course.readLarge(shard, bytes) else { return }
    let entries = try course.update { position throws(ProgressorError) in
      try read(part, at: &position)
    }
    var page = SinkPage()
    page.add(part, entries, where: isWanted)
    let parts = await deliver(page, course, &backoff)
    guard let omission = parts.first?.omission else { return }
    // It was looked at: whatever it is now, it is not too large.
    if case .large = omission.cause { return }
    try await pass(omission, of: shard, course, &backoff)
  }

  /// Answers the shards of which everything in the page has arrived or is parked.
  private func deliver(
    _ read: SinkPage, _ course: FeedCourse, _ backoff: inout SinkBackoff
  ) async -> [FeedPart] {
    var page = read
    await deliver(&page, course, &backoff)
    let settled = page
    return course.update { settled.settle(in: &$0) }
  }

  private func isWanted(_ entry: FeedEntry) -> Bool {
    isWanted(entry.machine.namespace, entry.note.change.kind)
  }

  private func isWanted(_ namespace: String, _ kind: FeedKind?) -> Bool {
    subscription.wants(kind)
      && (setting.namespaces.isEmpty || setting.namespaces.contains { $0.matches(namespace) })
  }

  /// Tries until everything has arrived or is parked, or somebody else is to have the shards.
  private func deliver(
    _ page: inout SinkPage, _ course: FeedCourse, _ backoff: inout SinkBackoff
  ) async {
    while !page.isSettled, !course.isInterrupted {
      let pending = page.pending
      let target = target
      let receipt = await course.unlessInterrupted { await target.deliver(pending) }
      let parked = page.take(receipt.outcomes)
      let delivered = receipt.outcomes.count { $0 == .delivered }
      ledger.delivered(delivered)
      ledger.parked(parked)
      if delivered > 0 { backoff.reset() }
      // Who was interrupted has not failed.
      guard let failure = receipt.failure, !course.isInterrupted else {
        if receipt.failure == nil { ledger.succeeded() }
        continue
      }
      let pause = backoff.next(asked: failure.retryAfter, random: .random(in: 0...1))
      ledger.failed(failure.description, next: pause)
      await course.unlessInterrupted { try? await Task.sleep(for: pause) }
    }
  }
}

extension FeedCourse {
  /// Whether others are to have what it is about.
  fileprivate var isInterrupted: Bool { isOver || isShareNew }

  /// Runs `body` to its end, and has its task cancelled when others are to have what it is about.
  fileprivate func unlessInterrupted<Value: Sendable>(
    _ body: @escaping @Sendable () async -> Value
  ) async -> Value {
    let flag = Flag()
    let work = Task { await body() }
    let watch = Task {
      while !flag.isRaised, !isInterrupted { await doorbell.wait() }
      work.cancel()
    }
    let value = await work.value
    flag.raise()
    doorbell.ring()
    // One waits at the doorbell at a time.
    await watch.value
    return value
  }
}

/// Something is over.
private final class Flag: Sendable {
  private let state = Atomic(false)

  var isRaised: Bool { state.load(ordering: .acquiring) }

  func raise() { state.store(true, ordering: .releasing) }
}
