import MachineModel
import ProgressorStorage
import Synchronization

/// One follower's way through the feed: where it begins, which shards it has, what it is to read
/// next. Whoever follows takes what is to be done here, and waits at the doorbell when that is
/// nothing.
final class FeedCourse: Sendable {
  private struct State {
    var position = FeedPosition()
    /// Of a consumer: what it has, and what it is to have.
    var share: FeedShare?
    var nextShare: FeedShare?
    var generation: Int64 = 0
    /// Rounds of the hub since the last progress, and since what is held was read last.
    var rounds = 0
    var heldRounds = 0
    var isOver = false
  }

  /// Who follows.
  enum Ownership: Sendable {
    /// A client, where there are no rules.
    case anybody
    /// A client: `knows` is whose consumers it may know of, nil = everybody's; `principal` is who
    /// it is, nil = it has no credentials.
    case client(knows: String?, principal: String?)
    /// This node itself.
    case node

    fileprivate var owner: String? {
      if case .client(let owner, _) = self { owner } else { nil }
    }

    fileprivate var maker: String? {
      if case .client(_, let principal) = self { principal } else { nil }
    }
  }

  /// Tells it from all others.
  let id = FeedSubscriberID.random()
  /// Of a consumer; nil = nothing is remembered of it.
  let subscriber: FeedSubscriber?
  let subscription: FeedSubscription
  let hub: FeedHub
  /// There may be something to do.
  let doorbell = Doorbell()
  private let ownership: Ownership
  /// How large a page is.
  private let page: FeedQuery
  /// Is told when the database has not answered for a while, and why; and when it does again: nil.
  private let troubled: @Sendable (ProgressorError?) -> Void
  private let state = Mutex(State())

  /// Followers of one consumer.
  static let maximumShares: Int64 = 64
  /// Rounds of the hub between two progresses: ten seconds.
  private static let roundsBetweenProgresses = 50
  /// Between two tries, when the database is away.
  private static let pause: Duration = .seconds(1)
  /// Tries in vain before somebody is told.
  private static let quietTries = 10

  init(
    _ subscription: FeedSubscription, _ ownership: Ownership, hub: FeedHub,
    page: FeedQuery = FeedQuery(cursors: []),
    troubled: @escaping @Sendable (ProgressorError?) -> Void = { _ in }
  ) {
    self.subscription = subscription
    self.ownership = ownership
    self.page = page
    self.hub = hub
    self.troubled = troubled
    let name = subscription.consumer
    subscriber = name.isEmpty ? nil : FeedSubscriber(consumer: ExactText(name), id: id)
  }

  // What the hub says

  /// There may be something new in these shards. From any thread.
  func mark(_ shards: [ShardID]) {
    state.withLock { state in for shard in shards { state.position.mark(shard) } }
    doorbell.ring()
  }

  /// A round of the hub is over.
  func tick() {
    let isLong = state.withLock { state in
      state.rounds += 1
      state.heldRounds += 1
      if state.heldRounds >= Self.roundsBetweenProgresses {
        state.heldRounds = 0
        state.position.release()
        return true
      }
      return state.rounds >= Self.roundsBetweenProgresses
    }
    if isLong { doorbell.ring() }
  }

  /// Which part of its consumer's shards it has.
  func has(_ share: FeedShare) {
    let isNew = state.withLock { state in
      if share == state.share { return false }
      state.nextShare = share
      return true
    }
    if isNew { doorbell.ring() }
  }

  // Where it begins, and which shards it has

  /// Has the hub tell it of what is new, and finds where to begin.
  func begin() async throws(ProgressorError) {
    let shards = hub.storage.shards
    for cursor in subscription.cursors where cursor.shard.number >= shards {
      throw .invalidArgument(
        field: "cursors", "name shard \(cursor.shard.number): there are \(shards)")
    }
    if let subscriber {
      let generation = try await join(subscriber)
      state.withLock { $0.generation = generation }
      hub.enter(self)
      let shares = try await hub.storage.feedSubscribersLive([subscriber])
      if let share = shares[subscriber] { has(share) }
    } else {
      // Whatever is committed while this reads where to begin, it hears of.
      hub.enter(self)
      let cursors = try await beginning()
      try await take(cursors) { _ in true }
    }
  }

  /// The generation of the consumer, which is made if there is none.
  private func join(_ subscriber: FeedSubscriber) async throws(ProgressorError) -> Int64 {
    let name = subscription.consumer
    if let known = try await hub.storage.feedConsumer(name, owner: ownership.owner) {
      try check(known)
      return known.generation
    }
    // Nobody could know it by its maker.
    if case .client(knows: "", _) = ownership { throw .notAllowed }
    let cursors = try await beginning()
    let heads = try await hub.storage.feedHeads()
    let newest = Dictionary(
      heads.map { ($0.shard, $0.sequence) }, uniquingKeysWith: { first, _ in first })
    for cursor in cursors where cursor.sequence > newest[cursor.shard] ?? 0 {
      throw .cursorAhead(cursor.shard, newest: newest[cursor.shard] ?? 0)
    }
    try await hub.storage.makeFeedConsumer(name, at: cursors, by: ownership.maker)
    guard let made = try await hub.storage.feedConsumer(name, owner: ownership.owner) else {
      // It is another's.
      throw .notAllowed
    }
    try check(made)
    return made.generation
  }

  /// Nobody takes a part of what somebody else is to be told, and could acknowledge it.
  private func check(_ consumer: FeedConsumerState) throws(ProgressorError) {
    let name = subscription.consumer
    switch (ownership, consumer.principal) {
    case (.node, nil): return
    case (.node, let maker?): throw .consumerTaken(name, by: maker)
    case _ where hub.sinks.contains(ExactText(name)): throw .consumerOfOthers(name)
    // Without an identity there is no maker.
    case (.anybody, _), (.client, nil): return
    case (.client(_, let principal), let maker?):
      guard let principal, principal.isExactly(maker) else { throw .consumerOfOthers(name) }
    }
  }

  /// The cursors that were given, and where `start` says so the newest numbers.
  private func beginning() async throws(ProgressorError) -> [FeedCursor] {
    guard subscription.start == .now else { return subscription.cursors }
    let given = Set(subscription.cursors.map(\.shard))
    return subscription.cursors
      + (try await hub.storage.feedHeads().filter { !given.contains($0.shard) })
  }

  /// Whether it is to have another part of the shards.
  var isShareNew: Bool { state.withLock { $0.nextShare != nil } }

  /// Of its consumer, as it joined it: it grows when that is to go on elsewhere.
  var generation: Int64 { state.withLock { $0.generation } }

  func takeNextShare() -> FeedShare? {
    state.withLock { state in
      defer { state.nextShare = nil }
      return state.nextShare
    }
  }

  /// Has that part of the consumer's shards from now on. What it takes up it begins where that was
  /// acknowledged.
  func take(_ share: FeedShare) async throws(ProgressorError) {
    let name = subscription.consumer
    guard let generation = share.generation, generation == self.generation else {
      throw .consumerReset(name)
    }
    guard share.place < Self.maximumShares else {
      throw .overloaded("a consumer has at most \(Self.maximumShares) subscribers")
    }
    let parts = Int32(clamping: min(share.parts, Self.maximumShares))
    let mine: @Sendable (ShardID) -> Bool = { Int64($0.number % parts) == share.place }
    guard
      let known = try await patiently({
        () async throws(ProgressorError) in
        try await self.hub.storage.feedConsumer(name, owner: nil)
      })
    else { throw .consumerReset(name) }
    try check(known)
    try await take(known.cursors, where: mine)
    state.withLock { $0.share = share }
  }

  private func take(
    _ cursors: [FeedCursor], where isMine: @Sendable (ShardID) -> Bool
  ) async throws(ProgressorError) {
    let gone = try await patiently {
      () async throws(ProgressorError) in
      try await self.hub.storage.feedBeginnings(ofNamespaces: self.subscription.namespaces)
    }
    let known = Dictionary(
      cursors.map { ($0.shard, $0.sequence) }, uniquingKeysWith: { first, _ in first })
    let trimmed = Dictionary(
      gone.map { ($0.shard, $0.sequence) }, uniquingKeysWith: { first, _ in first })
    state.withLock { state in
      state.position.keep(where: isMine)
      for number in 0..<hub.storage.shards {
        let shard = ShardID(number)
        guard isMine(shard) else { continue }
        state.position.begin(shard, at: known[shard], gone: trimmed[shard] ?? 0)
      }
    }
  }

  // What follows

  /// What is to be read now; nil = nothing is.
  func nextQuery() -> FeedQuery? {
    let cursors = state.withLock { $0.position.next() }
    if cursors.isEmpty { return nil }
    return query(cursors)
  }

  private func query(_ cursors: [FeedCursor]) -> FeedQuery {
    var query = page
    query.cursors = cursors
    query.namespaces = subscription.namespaces
    query.kinds = subscription.kinds
    return query
  }

  /// Reads a page; a smaller one where the database did not get ready with it in time. Empty when
  /// it is to have other shards meanwhile.
  func read(_ query: FeedQuery) async throws(ProgressorError) -> [FeedPart] {
    var query = query
    let parts = try await patiently {
      () async throws(ProgressorError) -> [FeedPart] in
      if isShareNew {
        mark(query.cursors.map(\.shard))
        return []
      }
      do throws(ProgressorError) { return try await hub.storage.readFeed(query) } catch {
        mark(query.halve())
        throw error
      }
    }
    // There was no room for these.
    let read = Set(parts.map(\.shard))
    mark(query.cursors.map(\.shard).filter { !read.contains($0) })
    return parts
  }

  /// The next entry of the shard, which is of so many bytes and no page's; nil = somebody else has
  /// the shard now.
  func readLarge(_ shard: ShardID, _ bytes: Int64) async throws(ProgressorError) -> FeedPart? {
    guard let cursor = state.withLock({ $0.position.cursor(of: shard) }) else { return nil }
    var query = query([cursor])
    query.entries = 1
    query.largest = bytes
    let wanted = query
    return try await patiently {
      () async throws(ProgressorError) in try await self.hub.storage.readFeed(wanted)
    }.first
  }

  /// Looks at the position, and may move it.
  func update<Value: Sendable, Failure: Error>(
    _ body: (inout FeedPosition) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    try state.withLock { state throws(Failure) in try body(&state.position) }
  }

  // What it says of itself

  /// Whether it is time to say how far it is: it has come to the end for the first time, or a while
  /// has passed.
  var isProgressDue: Bool {
    state.withLock { state in
      if subscriber != nil, state.share == nil { return false }
      return state.rounds >= Self.roundsBetweenProgresses
        || (state.position.isAtEnd && !state.position.hasCaughtUp)
    }
  }

  /// How far it is, where that was not said; the next time is a while away.
  func takeProgress() -> [FeedCursor] {
    state.withLock { state in
      state.rounds = 0
      return state.position.progress()
    }
  }

  // Its end

  var isOver: Bool { state.withLock { $0.isOver } }

  /// Nothing is read any more.
  func end() {
    state.withLock { $0.isOver = true }
    hub.leave(self)
    doorbell.ring()
  }

  /// Tries until the database answers, or it is over.
  func patiently<Value: Sendable>(
    _ body: () async throws(ProgressorError) -> Value
  ) async throws(ProgressorError) -> Value {
    var tries = 0
    while true {
      do throws(ProgressorError) {
        let value = try await body()
        if tries >= Self.quietTries { troubled(nil) }
        return value
      } catch {
        guard error.code == .unavailable, !isOver else { throw error }
        tries += 1
        if tries == Self.quietTries { troubled(error) }
      }
      try? await Task.sleep(for: Self.pause)
    }
  }
}

extension FeedQuery {
  /// Asks for half as much. Answers the shards that it leaves out.
  mutating func halve() -> [ShardID] {
    guard cursors.count > 1 else {
      entries = max(1, entries / 2)
      return []
    }
    let kept = cursors.count / 2
    defer { cursors.removeSubrange(kept...) }
    return cursors[kept...].map(\.shard)
  }
}
