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
    var hidden = HiddenPayloads()
    var place: WaitPlaces.Place?
  }

  private let course: FeedCourse
  private let access: CallerAccess
  private let responder: StreamResponder
  private let maximumMessageBytes: Int
  private let state = Mutex(State())

  private var subscription: FeedSubscription { course.subscription }
  private var hub: FeedHub { course.hub }

  init(
    _ subscription: FeedSubscription, _ access: CallerAccess, _ responder: StreamResponder,
    hub: FeedHub, maximumMessageBytes: Int
  ) {
    let ownership: FeedCourse.Ownership =
      access.isRestricted
      ? .client(knows: access.consumerOwner, principal: access.principalName) : .anybody
    course = FeedCourse(subscription, ownership, hub: hub)
    self.access = access
    self.responder = responder
    self.maximumMessageBytes = maximumMessageBytes
  }

  /// Begins to send, if there is a place.
  func begin() {
    do throws(ProgressorError) {
      let place = try hub.places.enter { [weak self] in self?.finish($0) }
      state.withLock { $0.place = place }
    } catch {
      return finish(error)
    }
    responder.onWritable { [course] in course.doorbell.ring() }
    responder.onCancel { [weak self] in self?.end() }
    responder.sendHeaders(Metadata())
    Task { await run() }
  }

  private func run() async {
    // A call that ends while this begins has left before it came in.
    defer { hub.leave(course) }
    do throws(ProgressorError) {
      try await course.begin()
      while !course.isOver {
        if let share = course.takeNextShare() {
          try await course.take(share)
        } else if responder.isWritable, let query = course.nextQuery() {
          try await show(query)
        } else if responder.isWritable, course.isProgressDue {
          sendProgress()
        } else {
          await course.doorbell.wait()
        }
      }
    } catch {
      finish(error)
    }
  }

  private func show(_ query: FeedQuery) async throws(ProgressorError) {
    for part in try await course.read(query) {
      let entries = try course.update { position throws(ProgressorError) in
        try position.read(part)
      }
      for entry in entries {
        while try !offer(entry) {
          if course.isOver { return }
          await course.doorbell.wait()
        }
      }
      course.update { $0.finished(part) }
      if let omission = part.omission { try await pass(omission, of: part.shard) }
    }
  }

  /// What the page leaves out.
  private func pass(_ omission: FeedOmission, of shard: ShardID) async throws(ProgressorError) {
    guard isWanted(omission.machine.namespace, omission.kind) else {
      return course.update { $0.skip(shard, to: omission.sequence) }
    }
    guard case .large(let bytes) = omission.cause else { throw omission.error(in: shard) }
    try await showLarge(shard, bytes)
  }

  /// The next entry of the shard, which is no page's: one subscriber at a time has such a one.
  private func showLarge(_ shard: ShardID, _ bytes: Int64) async throws(ProgressorError) {
    let isTaken = try await hub.largeEntries.pass { () async throws(ProgressorError) in
      // Others do not wait for its client.
      guard responder.isWritable, !course.isOver else { return false }
      guard let part = try await course.readLarge(shard, bytes) else { return true }
      let entries = try course.update { position throws(ProgressorError) in
        try position.read(part)
      }
      for entry in entries {
        guard try offer(entry) else { return false }
      }
      if let omission = part.omission { throw omission.error(in: shard) }
      return true
    }
    if !isTaken { course.mark([shard]) }
  }

  private func isWanted(_ namespace: String, _ kind: FeedKind?) -> Bool {
    access.allows(namespace) && subscription.wants(kind)
  }

  /// False = its client takes nothing more now.
  private func offer(_ entry: FeedEntry) throws(ProgressorError) -> Bool {
    let namespace = entry.machine.namespace
    guard isWanted(namespace, entry.note.change.kind) else {
      course.update { $0.passed(entry, isTold: false) }
      return true
    }
    if !responder.isWritable { return false }
    var hidden = HiddenPayloads()
    let told =
      try access.payloads(in: namespace) == .hidden ? hidden.hide(in: entry) : entry
    guard let bytes = SubscribeResponse.entry(told).buffer(limit: maximumMessageBytes) else {
      throw ProgressorError(
        .resourceExhausted, .historyTooLarge,
        "entry \(entry.sequence) of shard \(entry.shard.number) exceeds \(maximumMessageBytes) "
          + "bytes, the limit on messages")
    }
    guard responder.send(bytes) else { return false }
    course.update { $0.passed(entry, isTold: true) }
    state.withLock { $0.hidden.add(hidden) }
    return true
  }

  private func sendProgress() {
    let progress = SubscribeResponse.progress(course.takeProgress())
    if let bytes = progress.buffer(limit: maximumMessageBytes) { responder.send(bytes) }
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
      defer { state.place = nil }
      return state.place
    }
    if let place { hub.places.leave(place) }
    course.end()
  }
}

extension CallerAccess {
  /// The only one whose consumers it may know of; nil = it may know of all.
  var consumerOwner: String? { allowsEverything ? nil : principalName ?? "" }
}

extension FeedSubscription {
  /// - Parameter kind: nil = one that a later version knows: it is none of those that can be asked
  ///   for.
  func wants(_ kind: FeedKind?) -> Bool {
    guard let kind else { return kinds.isEmpty }
    return kinds.isEmpty || kinds.contains(kind)
  }
}

extension FeedOmission {
  /// What a subscriber hears of an entry that cannot be told.
  fileprivate func error(in shard: ShardID) -> ProgressorError {
    let entry = "entry \(sequence) of shard \(shard.number)"
    switch cause {
    case .damaged(let problem):
      return ProgressorError(.internal, .dataDamaged, "\(entry) cannot be read: \(problem)")
    case .later(let what):
      return ProgressorError(
        .unavailable, .storageUnavailable,
        "\(entry) was written by a later version, which can tell it: \(what)")
    case .large(let bytes):
      return ProgressorError(
        .unavailable, .storageUnavailable, "\(entry) was not read: it is of \(bytes) bytes")
    }
  }
}
