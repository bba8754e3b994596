import GRPC
import MachineModel
import NIOCore
import ProgressorProto

/// Subscribes to the feed of one namespace and looks at everything that comes.
final class FeedFollower: @unchecked Sendable {
  // Safe to share: constants are immutable, and every variable is touched on `loop` only.

  private let channel: GRPCChannel
  private let loop: any EventLoop
  /// Succeeds with the first message: from then on everything is told.
  private let ready: EventLoopPromise<Void>
  private let ended: EventLoopPromise<Void>
  private var call: StreamingCall?
  private var isStopping = false
  private var count = FollowedCount()
  /// Of each machine, the last event that came.
  private var lastEventIDs: [String: Int64] = [:]

  init(channel: GRPCChannel) {
    self.channel = channel
    loop = channel.eventLoop
    ready = loop.makePromise()
    ended = loop.makePromise()
  }

  /// Subscribes and waits until it is known where the subscription begins: behind all that there
  /// is.
  func follow(_ namespace: String) async throws {
    let request = ByteBuffer(
      bytes: SubscribeRequest(subscription: FeedSubscription(namespaces: [namespace], start: .now))
        .encoded())
    loop.execute {
      let call = self.channel.stream(
        path: "/progressor.v1.EventSink/Subscribe", deadline: nil,
        events: StreamingCall.Events(
          message: { message, _ in self.receive(message) }, end: { self.end($0.status) }))
      call.send(request)
      call.finishSending()
      self.call = call
    }
    try await ready.futureResult.get()
  }

  /// Forgets how late entries were so far.
  func beginCounting() async throws {
    try await loop.submit { self.count.lags = Histogram() }.get()
  }

  /// What came up to now.
  func counted() async throws -> FollowedCount {
    try await loop.submit { self.count }.get()
  }

  /// Ends the subscription.
  func stop() async {
    loop.execute {
      self.isStopping = true
      self.call?.cancel()
    }
    try? await ended.futureResult.get()
  }

  private func receive(_ message: ByteBuffer) {
    let response = message.withUnsafeReadableBytes { try? SubscribeResponse(decoding: $0) }
    switch response {
    case .progress: ready.succeed()
    case .entry(let entry):
      if case .event(let event) = entry.note.change { note(event, entry) }
    case nil: count.misplaced += 1
    }
  }

  private func note(_ event: Event, _ entry: FeedEntry) {
    let last = lastEventIDs[entry.machine.id, default: 0]
    guard event.id == last + 1 else {
      count.misplaced += 1
      return
    }
    lastEventIDs[entry.machine.id] = event.id
    count.events += 1
    let lag = Timestamp.now.microseconds - entry.note.createdAt.microseconds
    count.lags.record(Int(lag) * 1_000)
  }

  private func end(_ status: RPCStatus) {
    if !isStopping { count.end = "\(status.code.name) \(status.message)" }
    ready.fail(BenchmarkError("nobody may subscribe: \(status.code.name) \(status.message)"))
    ended.succeed()
  }
}
