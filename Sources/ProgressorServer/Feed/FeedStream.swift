import GRPC
import MachineModel
import NIOCore
import ProgressorAccess
import ProgressorProto
import ProgressorStorage
import Synchronization

/// One call of `EventSink.Subscribe`: reads a page when its client has taken the last one, and
/// holds nothing but that page.
final class FeedStream: Sendable {
  private struct State {
    var position = FeedPosition()
    /// Of a consumer: what it has, and what it is to have.
    var share: FeedShare?
    var nextShare: FeedShare?
    var generation: Int64 = 0
    var hidden = HiddenPayloads()
    var place: WaitPlaces.Place?
    /// Rounds of the hub since the last progress.
    var rounds = 0
    var isOver = false
  }

  /// Tells it from all others.
  let id = FeedSubscriberID.random()
  /// Of a consumer; nil = nothing is remembered of it.
  let subscriber: FeedSubscriber?
  private let subscription: FeedSubscription
  private let access: CallerAccess
  private let responder: StreamResponder
  private let hub: FeedHub
  private let maximumMessageBytes: Int
  private let state = Mutex(State())
  /// There is something for `run` to do.
  private let doorbell = Doorbell()

  /// Subscribers of one consumer.
  static let maximumShares: Int64 = 64
  /// Rounds of the hub between two progresses: ten seconds.
  private static let roundsBetweenProgresses = 50
  /// Between two tries, when the database is away.
  private static let pause: Duration = .seconds(1)

  init(
    _ subscription: FeedSubscription, _ access: CallerAccess, _ responder: StreamResponder,
    hub: FeedHub, maximumMessageBytes: Int
  ) {
    self.subscription = subscription
    self.access = access
    self.responder = responder
    self.hub = hub
    self.maximumMessageBytes = maximumMessageBytes
    let name = subscription.consumer
    subscriber = name.isEmpty ? nil : FeedSubscriber(consumer: ExactText(name), id: id)
  }

  /// Begins to send, if there is a place.
  func begin() {
    do throws(ProgressorError) {
      let place = try hub.places.enter { [weak self] in self?.finish($0) }
      state.withLock { $0.place = place }
    } catch {
      return finish(error)
    }
    responder.onWritable { [weak self] in self?.doorbell.ring() }
    responder.onCancel { [weak self] in self?.end() }
    responder.sendHeaders(Metadata())
    Task { await run() }
  }

  /// There may be something new in these shards. From any thread.
  func mark(_ shards: [ShardID]) {
    state.withLock { state in for shard in shards { state.position.mark(shard) } }
    doorbell.ring()
  }

  /// A round of the hub is over.
  func tick() {
    let isLong = state.withLock { state in
      state.rounds += 1
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

  private func run() async {
    // A call that ends while this begins has left before it came in.
    defer { hub.leave(self) }
    do throws(ProgressorError) {
      try await prepare()
      while !isOver {
        if let share = takeNextShare() {
          try await take(share)
        } else if responder.isWritable, let query = nextQuery() {
          try await show(query)
        } else if responder.isWritable, isProgressDue {
          sendProgress()
        } else {
          await doorbell.wait()
        }
      }
    } catch {
      finish(error)
    }
  }

  private var isOver: Bool { state.withLock { $0.isOver } }

  // Where it begins

  private func prepare() async throws(ProgressorError) {
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
    let owner = access.consumerOwner
    if let known = try await hub.storage.feedConsumer(name, owner: owner) {
      return known.generation
    }
    let cursors = try await beginning()
    let heads = try await hub.storage.feedHeads()
    let newest = Dictionary(
      heads.map { ($0.shard, $0.sequence) }, uniquingKeysWith: { first, _ in first })
    for cursor in cursors where cursor.sequence > newest[cursor.shard] ?? 0 {
      throw .cursorAhead(cursor.shard, newest: newest[cursor.shard] ?? 0)
    }
    try await hub.storage.makeFeedConsumer(name, at: cursors, by: access.principalName)
    guard let made = try await hub.storage.feedConsumer(name, owner: owner) else {
      // It is another's.
      throw .notAllowed
    }
    return made.generation
  }

  /// The cursors that were given, and where `start` says so the newest numbers.
  private func beginning() async throws(ProgressorError) -> [FeedCursor] {
    guard subscription.start == .now else { return subscription.cursors }
    let given = Set(subscription.cursors.map(\.shard))
    return subscription.cursors
      + (try await hub.storage.feedHeads().filter { !given.contains($0.shard) })
  }

  private func takeNextShare() -> FeedShare? {
    state.withLock { state in
      defer { state.nextShare = nil }
      return state.nextShare
    }
  }

  /// Has that part of the consumer's shards from now on. What it takes up it begins where that was
  /// acknowledged.
  private func take(_ share: FeedShare) async throws(ProgressorError) {
    let name = subscription.consumer
    guard let generation = share.generation,
      generation == state.withLock({ $0.generation })
    else { throw .consumerReset(name) }
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

  private func nextQuery() -> FeedQuery? {
    let cursors = state.withLock { $0.position.next() }
    if cursors.isEmpty { return nil }
    return FeedQuery(
      cursors: cursors, namespaces: subscription.namespaces, kinds: subscription.kinds)
  }

  private func show(_ query: FeedQuery) async throws(ProgressorError) {
    let parts = try await patiently {
      () async throws(ProgressorError) in try await self.hub.storage.readFeed(query)
    }
    let read = Set(parts.map(\.shard))
    // There was no room for these.
    mark(query.cursors.map(\.shard).filter { !read.contains($0) })
    for part in parts {
      let entries = try state.withLock { state throws(ProgressorError) in
        try state.position.read(part)
      }
      for entry in entries {
        guard try await show(entry) else { return }
      }
      state.withLock { $0.position.finished(part) }
      if let bytes = part.largeEntry { try await showLarge(part.shard, bytes) }
    }
  }

  /// The next entry of the shard, which is no page's.
  private func showLarge(_ shard: ShardID, _ bytes: Int64) async throws(ProgressorError) {
    guard let cursor = state.withLock({ $0.position.cursor(of: shard) }) else { return }
    var query = FeedQuery(
      cursors: [cursor], namespaces: subscription.namespaces, kinds: subscription.kinds)
    query.entries = 1
    query.largest = bytes
    let wanted = query
    try await hub.largeEntries.pass { () async throws(ProgressorError) in
      let parts = try await patiently {
        () async throws(ProgressorError) in try await self.hub.storage.readFeed(wanted)
      }
      for entry in parts.flatMap(\.entries) { _ = try await show(entry) }
    }
  }

  /// False = the call is over.
  private func show(_ entry: FeedEntry) async throws(ProgressorError) -> Bool {
    let namespace = entry.machine.namespace
    let isWanted =
      (subscription.kinds.isEmpty || subscription.kinds.contains(entry.note.change.kind))
      && access.allows(namespace)
    guard isWanted else {
      state.withLock { $0.position.passed(entry, isTold: false) }
      return true
    }
    var hidden = HiddenPayloads()
    let told =
      try access.payloads(in: namespace) == .hidden ? hidden.hide(in: entry) : entry
    guard let bytes = SubscribeResponse.entry(told).buffer(limit: maximumMessageBytes) else {
      throw ProgressorError(
        .resourceExhausted, .historyTooLarge,
        "entry \(entry.sequence) of shard \(entry.shard.number) exceeds \(maximumMessageBytes) "
          + "bytes, the limit on messages")
    }
    while !isOver {
      if responder.send(bytes) {
        state.withLock { state in
          state.position.passed(entry, isTold: true)
          state.hidden.add(hidden)
        }
        return true
      }
      if responder.isCancelled { return false }
      await doorbell.wait()
    }
    return false
  }

  private var isProgressDue: Bool {
    state.withLock { state in
      if subscriber != nil, state.share == nil { return false }
      return state.rounds >= Self.roundsBetweenProgresses
        || (state.position.isAtEnd && !state.position.hasCaughtUp)
    }
  }

  private func sendProgress() {
    let cursors = state.withLock { state in
      state.rounds = 0
      return state.position.progress()
    }
    if let bytes = SubscribeResponse.progress(cursors).buffer(limit: maximumMessageBytes) {
      responder.send(bytes)
    }
  }

  /// Tries until the database answers, or the call is over.
  private func patiently<Value: Sendable>(
    _ body: () async throws(ProgressorError) -> Value
  ) async throws(ProgressorError) -> Value {
    while true {
      do throws(ProgressorError) { return try await body() } catch {
        guard error.code == .unavailable, !isOver, !responder.isCancelled else { throw error }
      }
      try? await Task.sleep(for: Self.pause)
    }
  }

  // Its end

  private func finish(_ error: ProgressorError) {
    var status = RPCStatus(error)
    let hidden = state.withLock { $0.hidden }
    for entry in hidden.metadata.entries where hidden.bytes > 0 { status.trailers.append(entry) }
    end()
    responder.finish(status)
  }

  /// Nothing more is sent.
  private func end() {
    let place = state.withLock { state in
      state.isOver = true
      defer { state.place = nil }
      return state.place
    }
    if let place { hub.places.leave(place) }
    hub.leave(self)
    doorbell.ring()
  }
}

extension CallerAccess {
  /// The only one whose consumers it may know of; nil = it may know of all.
  var consumerOwner: String? { allowsEverything ? nil : principalName ?? "" }
}
