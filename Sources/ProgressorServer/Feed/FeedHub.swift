import Logging
import MachineModel
import ProgressorStorage
import Synchronization

/// Tells the subscribers of this node when there may be something new for them: what is committed
/// here at once, what others commit within a fraction of a second. Says for them that they live.
final class FeedHub: Sendable {
  private struct State {
    var courses: [FeedSubscriberID: FeedCourse] = [:]
    /// Subscribers of consumers that left, to be told.
    var left: [FeedSubscriber] = []
    /// Shards that may have something new, of which nobody was told yet.
    var moved: Set<ShardID> = []
    /// How far each shard had come when somebody looked.
    var heads: [ShardID: Int64] = [:]
    var work: Task<Void, Never>?
    var telling: Task<Void, Never>?
  }

  let storage: Storage
  /// The consumers of this node's own sinks.
  let sinks: Set<ExactText>
  /// Subscribers at once.
  let places: WaitPlaces
  /// An entry that is larger than a page is read by one subscriber at a time.
  let largeEntries = Turnstile()
  private let logger: Logger
  private let state = Mutex(State())
  /// Somebody is to be told of what moved.
  private let news = Doorbell()

  /// What all of them hold is bounded by it: each a page.
  static let maximumSubscribers = 1_000
  /// Between two rounds.
  private static let round: Duration = .milliseconds(200)
  /// So many rounds pass between two looks at shards that are all this node's: what it commits it
  /// tells of itself.
  private static let roundsBetweenLooks = 25
  /// So many rounds pass before consumers' subscribers are said to live again.
  private static let roundsBetweenBeats = 2

  init(storage: Storage, sinks: Set<ExactText>, logger: Logger) {
    self.storage = storage
    self.sinks = sinks
    self.logger = logger
    places = WaitPlaces(maximum: Self.maximumSubscribers, of: "subscribers of the feed")
    storage.followFeed { [weak self] in self?.committed($0) }
  }

  /// Is told of what is new from now on.
  func enter(_ course: FeedCourse) {
    state.withLock { state in
      state.courses[course.id] = course
      if state.work == nil { state.work = Task { await self.run() } }
      if state.telling == nil { state.telling = Task { await self.tell() } }
    }
  }

  func leave(_ course: FeedCourse) {
    let gone = state.withLock { state -> FeedCourse? in
      guard let course = state.courses.removeValue(forKey: course.id) else { return nil }
      if let subscriber = course.subscriber { state.left.append(subscriber) }
      return course
    }
    _ = gone
  }

  /// Ends every subscription.
  func stop() {
    storage.followFeed(nil)
    places.stop()
    let (work, telling) = state.withLock { ($0.work, $0.telling) }
    work?.cancel()
    telling?.cancel()
    news.ring()
  }

  private var courses: [FeedCourse] { state.withLock { Array($0.courses.values) } }

  /// On a writer's thread, which has other things to do than to tell a thousand subscribers.
  private func committed(_ shards: [ShardID]) {
    let isNew = state.withLock { state in
      if state.courses.isEmpty { return false }
      state.moved.formUnion(shards)
      return true
    }
    if isNew { news.ring() }
  }

  private func tell() async {
    while !Task.isCancelled {
      await news.wait()
      let (moved, courses) = state.withLock { state in
        defer { state.moved = [] }
        return (state.moved.sorted(), Array(state.courses.values))
      }
      for course in courses { course.mark(moved) }
    }
  }

  /// While there are subscribers.
  private func run() async {
    var round = 0
    while !Task.isCancelled {
      let isIdle = state.withLock { state in
        guard state.courses.isEmpty, state.left.isEmpty else { return false }
        state.work = nil
        return true
      }
      if isIdle { return }
      if !ownsEverything || round.isMultiple(of: Self.roundsBetweenLooks) { await look() }
      if round.isMultiple(of: Self.roundsBetweenBeats) { await beat() }
      for course in courses { course.tick() }
      round += 1
      try? await Task.sleep(for: Self.round)
    }
  }

  private var ownsEverything: Bool { storage.status.shards == Int(storage.shards) }

  /// Looks how far the shards have come.
  private func look() async {
    let heads: [FeedCursor]
    do throws(ProgressorError) { heads = try await storage.feedHeads() } catch {
      logger.debug("nobody knows how far the feed has come", metadata: ["error": "\(error)"])
      return
    }
    let moved = state.withLock { state in
      heads.filter { state.heads.updateValue($0.sequence, forKey: $0.shard) != $0.sequence }
    }
    if !moved.isEmpty { committed(moved.map(\.shard)) }
  }

  /// Says which subscribers of consumers live, and tells each its part.
  private func beat() async {
    let (here, left) = state.withLock { state in
      defer { state.left = [] }
      return (state.courses.values.filter { $0.subscriber != nil }, state.left)
    }
    do throws(ProgressorError) {
      if !left.isEmpty { try await storage.feedSubscribersLeave(left) }
      if here.isEmpty { return }
      let shares = try await storage.feedSubscribersLive(here.compactMap(\.subscriber))
      for course in here {
        if let subscriber = course.subscriber, let share = shares[subscriber] {
          course.has(share)
        }
      }
    } catch {
      // They are taken for gone in a while, and have no part then.
      logger.debug("subscribers cannot be said to live", metadata: ["error": "\(error)"])
    }
  }
}
