import HTTP2
import Logging
import NIOCore
import Synchronization

/// What a channel does, on its event loop: admits calls, gives them to connections, keeps the rest
/// waiting.
final class ConnectionPool: @unchecked Sendable {
  // Safe to share: constants are immutable, `published` is locked, and every variable is touched on
  // the event loop only.

  let eventLoop: any EventLoop
  let configuration: ChannelConfiguration
  let logger: Logger
  private let requestHeaders: RequestHeaders
  /// From 0 up to 1.
  let random: @Sendable () -> Double
  private let published = Mutex(Connectivity.idle)

  /// The policy for new connections; its interval grows when peers complain.
  var keepalive: KeepalivePolicy
  /// Why the last connection failed or ended, for people.
  var lastFailure = "not connected yet"

  /// Answers that are not complete.
  private let responses: AnswerMemory
  let addresses: AddressWatcher
  var hasResolutionFailed = false
  var subchannels: [Subchannel] = []
  /// Subchannels of addresses that are gone, or of a closed channel, that finish their last calls.
  var leaving: [Subchannel] = []
  private var roundRobin = RoundRobin()
  var queue: CallQueue<UnaryCall>
  /// Calls that the peer refused, until they are tried again.
  var pausing: [UnaryCall] = []
  /// How long they wait, on average.
  private static let refusalPause = TimeAmount.milliseconds(100)
  private var isDraining = false
  private var deadlines = DeadlineHeap<UnaryCall>()
  private var deadlineTimer: (deadline: NIODeadline, task: Scheduled<Void>)?
  var readyWaiters: [@Sendable () -> Void] = []
  /// Whether connections are wanted.
  var isAwake = false
  var isClosed = false
  var closePromises: [EventLoopPromise<Void>] = []
  var openCalls = 0
  var lastCallEnded = NIODeadline.uptimeNanoseconds(0)
  var idleTimer: Scheduled<Void>?
  /// The header fields of the request that is being submitted; its memory is used again.
  private var fields = HeaderList()

  init(
    target: ChannelTarget, configuration: ChannelConfiguration, eventLoop: any EventLoop,
    logger: Logger, resolver: any AddressResolver, random: @escaping @Sendable () -> Double
  ) {
    self.eventLoop = eventLoop
    self.configuration = configuration
    self.logger = logger
    self.random = random
    keepalive = configuration.keepalive
    requestHeaders = RequestHeaders(configuration: configuration, target: target)
    queue = CallQueue(limit: configuration.maximumQueuedCalls)
    responses = AnswerMemory(
      configuration: configuration, inflating: InflateTurns(eventLoop: eventLoop))
    addresses = AddressWatcher(
      target: target, configuration: configuration, eventLoop: eventLoop, resolver: resolver,
      random: random)
  }

  /// The state, readable from any thread.
  var connectivity: Connectivity { published.withLock { $0 } }

  /// Makes a state public.
  func publish(_ connectivity: Connectivity) {
    published.withLock { $0 = connectivity }
  }

  // MARK: Calls

  /// Admits a call and starts it as soon as it can.
  func start(_ call: UnaryCall) {
    openCalls += 1
    if isClosed { return endLater(call, .channelClosed, .unavailable, "the channel is closed") }
    if call.expiry <= .now() {
      return endLater(
        call, .deadline, .deadlineExceeded, "the deadline passed before the call began")
    }
    do {
      call.body = try RequestBody(call.message, encoding: configuration.requestEncoding)
      call.message = ByteBuffer()
    } catch {
      return endLater(call, .unsendable, .resourceExhausted, error.status.message)
    }
    if call.expiry < .distantFuture { watchDeadline(of: call) }
    wake()
    if queue.isEmpty, let index = nextSubchannel() {
      submit(call, on: subchannels[index])
    } else {
      enqueue(call)
    }
  }

  /// Ends a call because its caller wants so.
  func cancel(_ call: UnaryCall) {
    end(call, .cancelled, .cancelled, "the call was cancelled")
  }

  /// An attempt at a call ended. What certainly was not seen is tried once more; what never left, as
  /// often as it takes (gRFC A6, transparent retries). A call that waits for readiness takes a peer
  /// that goes on refusing for one that is not ready: it is tried again, with pauses.
  func attemptEnded(_ call: UnaryCall, _ result: UnaryResult, wasSent: Bool) {
    call.stream = nil
    guard !result.seen, !isClosed else { return finish(call, result) }
    if wasSent, call.hasRepeated {
      return call.waitsForReady ? pause(call) : finish(call, result)
    }
    if wasSent { call.hasRepeated = true }
    call.isQueued = true
    queue.putBack(call)
  }

  /// Keeps a refused call for a moment, so that the peer is not asked without end. One pause serves
  /// all calls that are refused in it.
  private func pause(_ call: UnaryCall) {
    pausing.append(call)
    guard pausing.count == 1 else { return }
    let pause = Self.refusalPause.nanoseconds
    let jittered = pause / 2 + Int64(Double(pause) * random())
    eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(jittered)) { self.endPause() }
  }

  private func endPause() {
    let calls = pausing
    pausing = []
    for call in calls.reversed() where !call.isFinished {
      call.isQueued = true
      queue.putBack(call)
    }
    drainQueue()
  }

  /// Gives waiting calls to free streams.
  func drainQueue() {
    guard !isDraining, !queue.isEmpty else { return }
    isDraining = true
    defer { isDraining = false }
    while let index = nextSubchannel(), let call = queue.popFirst() {
      call.isQueued = false
      submit(call, on: subchannels[index])
    }
  }

  private func enqueue(_ call: UnaryCall) {
    if connectivity == .transientFailure, !call.waitsForReady {
      return endLater(call, .unreachable, .unavailable, unreachableMessage)
    }
    guard queue.append(call) else {
      let text = "\(configuration.maximumQueuedCalls) calls wait for a connection already"
      return endLater(call, .queueFull, .resourceExhausted, text)
    }
    call.isQueued = true
  }

  private func nextSubchannel() -> Int? {
    roundRobin.pick(count: subchannels.count) {
      subchannels[$0].connection?.hasFreeStream ?? false
    }
  }

  private func submit(_ call: UnaryCall, on subchannel: Subchannel) {
    guard let connection = subchannel.connection, let body = call.body else { return }
    let attempt = ClientStream(
      call: call, body: body, maximumMessageSize: configuration.maximumResponseMessageSize,
      memory: responses, connection: connection)
    let timeout = call.expiry < .distantFuture ? call.expiry - .now() : nil
    requestHeaders.write(path: call.path, metadata: call.metadata, timeout: timeout, into: &fields)
    do {
      try connection.submit(fields, attempt)
      call.stream = attempt
    } catch {
      // The connection is retired now, so that the call finds another one.
      attempt.detach()
      call.isQueued = true
      queue.putBack(call)
      if !isDraining { drainQueue() }
    }
  }

  /// Why a call does not get through to the peer; nil when it does, or waits for a free stream.
  private func whyUnsent(_ call: UnaryCall) -> String? {
    if call.stream != nil { return nil }
    if !call.isQueued { return "the peer refuses requests" }
    return connectivity == .ready ? nil : unreachableMessage
  }

  private var unreachableMessage: String { "no connection: \(lastFailure)" }

  /// Ends a call that cannot even begin. Not before the caller of `unary` has gone on: one that tries
  /// again in its completion must not recurse.
  private func endLater(
    _ call: UnaryCall, _ reason: LocalReason, _ code: StatusCode, _ text: String
  ) {
    eventLoop.execute { self.end(call, reason, code, text) }
  }

  func failUnreachable(_ call: UnaryCall) {
    end(call, .unreachable, .unavailable, unreachableMessage)
  }

  /// Ends a call from this side.
  func end(_ call: UnaryCall, _ reason: LocalReason, _ code: StatusCode, _ text: String) {
    guard !call.isFinished else { return }
    let seen = call.stream?.isSent ?? false
    call.stream?.abandon()
    call.stream = nil
    finish(call, .local(reason, code, text, seen: seen))
  }

  private func finish(_ call: UnaryCall, _ result: UnaryResult) {
    guard let completion = call.finish() else { return }
    deadlines.remove(call)
    openCalls -= 1
    if openCalls == 0 { lastCallEnded = .now() }
    if call.isQueued { queue.noteFinished() }
    completion(result)
  }

  // MARK: Deadlines

  /// How long before its end a call that waits in vain is told so, at most.
  private static let notice = TimeAmount.milliseconds(100)

  private func watchDeadline(of call: UnaryCall) {
    if call.waitsForReady {
      let rest = (call.expiry - .now()).nanoseconds
      call.deadline = call.expiry - .nanoseconds(min(rest / 10, Self.notice.nanoseconds))
    }
    deadlines.insert(call)
    armDeadlineTimer()
  }

  /// One timer serves all calls. It is left alone when the call that it was set for ends: then it
  /// fires for nothing, once, which is cheaper than setting it anew for each call.
  private func armDeadlineTimer() {
    guard let first = deadlines.first else { return }
    if let deadlineTimer, deadlineTimer.deadline <= first.deadline { return }
    deadlineTimer?.task.cancel()
    let task = eventLoop.assumeIsolated().scheduleTask(deadline: first.deadline) {
      self.deadlineTimer = nil
      self.expire()
    }
    deadlineTimer = (first.deadline, task)
  }

  /// Lets go of the timer, when no call is left.
  func cancelDeadlineTimer() {
    deadlineTimer?.task.cancel()
    deadlineTimer = nil
  }

  private func expire() {
    let now = NIODeadline.now()
    while let call = deadlines.popExpired(now: now) {
      if call.waitsForReady, let vain = whyUnsent(call) {
        end(call, .unreachable, .unavailable, vain)
      } else if call.expiry <= now {
        end(call, .deadline, .deadlineExceeded, "the deadline passed")
      } else {
        call.deadline = call.expiry
        deadlines.insert(call)
      }
    }
    armDeadlineTimer()
  }
}
