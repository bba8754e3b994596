import HTTP2
import Logging
import NIOCore
import Synchronization

/// What a channel does, on its event loop: admits calls, gives them to connections, keeps the rest
/// waiting.
final class ConnectionPool: @unchecked Sendable {
  // Safe to share: constants are immutable, `published` is locked, and every variable is touched on
  // the event loop only.

  let target: ChannelTarget
  let eventLoop: any EventLoop
  let configuration: ChannelConfiguration
  let logger: Logger
  let resolver: any AddressResolver
  private let requestHeaders: RequestHeaders
  /// From 0 up to 1.
  let random: @Sendable () -> Double
  private let published = Mutex(Connectivity.idle)

  /// Every decision, and what it is waiting for; ``timer`` follows it.
  var state: PoolState<UnaryCall>
  let timer: LoopTimer
  /// Whether the state's effects are being performed.
  var isSettling = false
  /// Whether something happened since.
  var isUnsettled = false

  /// Answers that are not complete.
  private let responses: AnswerMemory
  /// The policies for new connections; they grow more timid when peers complain.
  var keepalive: KeepalivePolicy
  var liveness: LivenessPolicy?

  var subchannels: [SubchannelID: Subchannel] = [:]
  /// The subchannels whose connections take calls.
  var usable: [Subchannel] = []
  /// Subchannels of addresses that are gone, or of a closed channel, that finish their last calls.
  var leaving: [Subchannel] = []
  private var roundRobin = RoundRobin()
  private var isDraining = false
  /// Calls that a connection has. Their answers' first windows fit into the memory.
  private var sentCalls = 0
  /// Whether calls wait because there is no memory for further answers.
  private var lacksMemory = false
  private var isDrainPlanned = false
  var readyWaiters: [@Sendable () -> Void] = []
  var closePromises: [EventLoopPromise<Void>] = []
  /// The header fields of the request that is being submitted; its memory is used again.
  private var fields = HeaderList()

  init(
    target: ChannelTarget, configuration: ChannelConfiguration, eventLoop: any EventLoop,
    logger: Logger, resolver: any AddressResolver, random: @escaping @Sendable () -> Double
  ) {
    self.target = target
    self.eventLoop = eventLoop
    self.configuration = configuration
    self.logger = logger
    self.resolver = resolver
    self.random = random
    keepalive = configuration.keepalive
    liveness = configuration.liveness
    requestHeaders = RequestHeaders(configuration: configuration, target: target)
    responses = AnswerMemory(
      configuration: configuration, inflating: InflateScheduler(eventLoop: eventLoop))
    state = PoolState(target: target, configuration: configuration)
    timer = LoopTimer(on: eventLoop)
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
    state.callBegan()
    if state.isClosed {
      return endLater(call, .channelClosed, .unavailable, "the channel is closed")
    }
    let now = NIODeadline.now()
    if call.expiry <= now {
      return endLater(
        call, .deadline, .deadlineExceeded, "the deadline passed before the call began")
    }
    do {
      if call.exchange == nil { call.body = try body(of: call) }
      call.message = ByteBuffer()
    } catch {
      return endLater(call, .unsendable, .resourceExhausted, error.status.message)
    }
    if call.waitsForReady { call.notice = UnaryCall.notice(begin: now, expiry: call.expiry) }
    if !state.isAwake { handle { $0.wake(now: $1, random: $2) } }
    if state.calls.isEmpty, let subchannel = nextSubchannel() {
      submit(call, on: subchannel, now: now)
      timer.update(for: self)
    } else {
      enqueue(call)
    }
  }

  private func body(of call: UnaryCall) throws(FramingError) -> RequestBody {
    if call.isFramed { return RequestBody(framed: call.message) }
    return try RequestBody(call.message, encoding: configuration.requestEncoding)
  }

  /// Ends a call because its caller wants so.
  func cancel(_ call: UnaryCall) {
    end(call, .cancelled, .cancelled, "the call was cancelled")
  }

  /// An attempt at a call ended. What certainly was not seen is tried once more; what never left,
  /// as often as it takes (gRFC A6, transparent retries). A call that waits for readiness takes a
  /// peer that goes on refusing for one that is not ready: it is tried again, with pauses.
  func attemptEnded(_ call: UnaryCall, _ result: UnaryResult, wasSent: Bool) {
    leaveStream(call)
    // Of a streaming call the requests that left are gone.
    let isRepeatable = call.exchange == nil || !wasSent
    guard !result.seen, result.localReason != .unsendable, isRepeatable, !state.isClosed else {
      return finish(call, result)
    }
    if wasSent, call.hasRepeated {
      guard call.waitsForReady else { return finish(call, result) }
      state.calls.watch(call, until: call.notice)
      state.calls.pause(call, now: .now(), random: random())
    } else {
      if wasSent { call.hasRepeated = true }
      state.calls.watch(call, until: call.notice)
      state.calls.putBack(call)
    }
    timer.update(for: self)
  }

  /// Gives waiting calls to free streams.
  func drainQueue() {
    guard !isDraining, !state.calls.isEmpty else { return }
    isDraining = true
    lacksMemory = false
    defer { isDraining = false }
    let now = NIODeadline.now()
    while let subchannel = nextSubchannel(), let call = state.calls.popFirst() {
      submit(call, on: subchannel, now: now)
    }
    timer.update(for: self)
  }

  private func enqueue(_ call: UnaryCall) {
    if connectivity == .transientFailure, !call.waitsForReady {
      return endLater(call, .unreachable, .unavailable, unreachableMessage)
    }
    guard state.calls.append(call) else {
      let text = "\(configuration.maximumQueuedCalls) calls wait for a connection already"
      return endLater(call, .queueFull, .resourceExhausted, text)
    }
    state.calls.watch(call, until: call.notice)
    // A call that waits may shorten the wait for the next attempt.
    if connectivity == .ready {
      timer.update(for: self)
    } else {
      handle { $0.advance(now: $1, random: $2) }
    }
  }

  /// A call has no stream any more; one that waits may have its memory.
  private func leaveStream(_ call: UnaryCall) {
    guard call.stream != nil else { return }
    call.stream = nil
    sentCalls -= 1
    guard lacksMemory, !isDrainPlanned else { return }
    isDrainPlanned = true
    eventLoop.execute {
      self.isDrainPlanned = false
      self.drainQueue()
    }
  }

  private func nextSubchannel() -> Subchannel? {
    guard sentCalls < responses.maximumAnswers else {
      lacksMemory = true
      return nil
    }
    return roundRobin.pick(count: usable.count) { usable[$0].connection?.hasFreeStream ?? false }
      .map { usable[$0] }
  }

  /// The peer's time begins.
  private func submit(_ call: UnaryCall, on subchannel: Subchannel, now: NIODeadline) {
    guard let connection = subchannel.connection,
      let attempt = attempt(at: call, on: connection, now: now)
    else { return }
    let limit = call.timeout.map { Timeout.deadline(after: $0, from: now) } ?? .distantFuture
    let end = min(call.expiry, limit)
    let timeout = end < .distantFuture ? end - now : nil
    requestHeaders.write(path: call.path, metadata: call.metadata, timeout: timeout, into: &fields)
    if let (size, limit) = connection.session.excess(of: fields, prefix: connection.prefix) {
      let text = "the request's header fields have \(size) bytes, the peer takes \(limit)"
      return endLater(call, .unsendable, .resourceExhausted, text)
    }
    do {
      try connection.submit(fields, attempt, now: now)
      call.stream = attempt
      sentCalls += 1
      state.calls.watch(call, until: end)
    } catch {
      // The connection is retired now, so that the call finds another one.
      attempt.detach()
      state.calls.watch(call, until: call.notice)
      state.calls.putBack(call)
      if !isDraining { drainQueue() }
    }
  }

  private func attempt(
    at call: UnaryCall, on connection: ClientConnection, now: NIODeadline
  ) -> (any ClientAttempt)? {
    let limit = configuration.maximumResponseMessageSize
    if let exchange = call.exchange {
      return StreamingAttempt(
        call: call, exchange: exchange, maximumMessageSize: limit, memory: responses,
        connection: connection, now: now)
    }
    return call.body.map {
      ClientStream(
        call: call, body: $0, maximumMessageSize: limit, memory: responses,
        connection: connection, now: now)
    }
  }

  /// Why a call does not get through to the peer; nil when it does, or waits for a free stream.
  private func whyUnsent(_ call: UnaryCall) -> String? {
    if call.stream != nil { return nil }
    if !call.isQueued { return "the peer refuses requests" }
    return connectivity == .ready ? nil : unreachableMessage
  }

  private var unreachableMessage: String { "no connection: \(state.lastFailure)" }

  /// Ends a call that cannot even begin. Not before the caller of `unary` has gone on: one that
  /// tries again in its completion must not recurse.
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
    leaveStream(call)
    finish(call, .local(reason, code, text, seen: seen))
  }

  private func finish(_ call: UnaryCall, _ result: UnaryResult) {
    guard let completion = call.finish() else { return }
    state.callEnded(call, now: .now())
    timer.update(for: self)
    completion(result)
  }

  // MARK: Deadlines

  /// Ends the calls whose time is over.
  func expire(now: NIODeadline) {
    while let call = state.calls.popDue(now: now) {
      if let stream = call.stream {
        let isOver = call.expiry <= now
        let text = isOver ? "the deadline passed" : "no answer within the call's timeout"
        stream.expire(now: now)
        end(call, .deadline, .deadlineExceeded, text)
      } else if call.waitsForReady, let vain = whyUnsent(call) {
        end(call, .unreachable, .unavailable, vain)
      } else if call.expiry <= now {
        end(call, .deadline, .deadlineExceeded, "the deadline passed")
      } else {
        state.calls.watch(call, until: call.expiry)
      }
    }
  }
}
