import HTTP2
import NIOCore

/// What a connection tells its owner, on the event loop.
protocol ClientConnectionDelegate: AnyObject {
  /// The peer's SETTINGS came: it speaks HTTP/2, calls may go.
  func connectionDidBecomeReady(_ connection: ClientConnection)
  /// The connection brought its first gRPC answer.
  func connectionDidProve(_ connection: ClientConnection)
  /// The peer did not answer a PING; the connection is about to close.
  func connectionDidFallSilent(_ connection: ClientConnection)
  /// The connection takes no more calls; those that are open go on.
  func connectionDidRetire(_ connection: ClientConnection, tooManyPings: Bool)
  /// Streams became free, or calls came back unseen. Called outside of the session, before what was
  /// submitted is written.
  func connectionMayTakeCalls(_ connection: ClientConnection)
  /// The connection is closed. Its calls have ended.
  func connectionDidClose(_ connection: ClientConnection)
}

/// One client connection: carries bytes between a socket and an HTTP/2 session. Confined to the
/// event loop.
final class ClientConnection: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// How many bytes are taken from the session for one write.
  private static let writeSize = 256 * 1024

  let session: Session
  /// Not retained; the owner outlives its connections.
  weak var delegate: (any ClientConnectionDelegate)?
  private let maximumStreamsByConfiguration: Int
  private let drainTimeout: TimeAmount
  private var keepalive: KeepaliveState
  private var drainDeadline: NIODeadline?
  private var timer: LoopTimer?
  private var isProven = false

  private var context: ChannelHandlerContext?
  private var output = ByteBuffer()
  private var isReading = false
  private var isFlushing = false
  private var hasNewStreams = false
  private var isFlushPlanned = false
  private var isReadDelayed = false
  private var isCloseRequested = false

  /// Streams that did not close yet.
  private(set) var openStreams = 0
  private(set) var maximumStreams = 0
  private(set) var isReady = false
  /// Whether new calls go elsewhere.
  private(set) var isRetired = false
  /// Whether it was retired because another is to take its place, and for no fault of its own.
  private(set) var isRenewed = false
  /// Whether the connection is gone.
  private(set) var isLost = false
  private var failure: String?

  init(
    configuration: ChannelConfiguration, keepalive policy: KeepalivePolicy,
    liveness: LivenessPolicy?, now: NIODeadline
  ) throws(HTTP2Error) {
    var settings = SessionSettings()
    settings.initialWindowSize = UInt32(clamping: max(configuration.streamWindowSize, 1))
    settings.connectionWindowSize = UInt32(clamping: configuration.connectionWindowSize)
    settings.headers = ResponseFields.limits(keeping: configuration.maximumHeaderListSize)
    session = try Session(role: .client, settings: settings, now: now.uptimeNanoseconds)
    maximumStreamsByConfiguration = max(configuration.maximumStreamsPerConnection, 1)
    drainTimeout = configuration.drainTimeout
    keepalive = KeepaliveState(policy, liveness, now: now)
  }

  /// Why the connection was lost, for the status of its calls.
  var lossDescription: String { failure ?? "the connection was closed by the peer" }

  /// Whether a call can be started on it now.
  var hasFreeStream: Bool {
    isReady && !isRetired && openStreams < maximumStreams && !keepalive.isAsking
  }

  // MARK: Calls

  /// Opens a stream. The bytes leave with everything else of this turn of the loop.
  ///
  /// - Throws: when the connection takes no more streams. It is retired then.
  func submit(
    _ headers: HeaderList, _ attempt: ClientStream, now: NIODeadline
  ) throws(HTTP2Error) {
    do throws(HTTP2Error) {
      let stream = try session.submitRequest(
        headers, prefix: RequestHeaders.prefix, hasBody: true, delegate: attempt)
      attempt.begin(on: stream)
    } catch {
      retire()
      throw error
    }
    openStreams += 1
    setNeedsFlush()
    keepalive.callBegan(now: now)
    timer?.update(for: self)
  }

  /// A stream closed.
  func streamDidClose() {
    openStreams -= 1
    keepalive.callEnded()
    hasNewStreams = true
    if isRetired, openStreams == 0, !isLost { close() }
  }

  /// The peer sent something of an answer to a call.
  func didReceiveAnswer() {
    keepalive.receivedAnswer()
  }

  /// A stream brought a gRPC answer.
  func didReceiveUsefulAnswer() {
    guard !isProven else { return }
    isProven = true
    delegate?.connectionDidProve(self)
  }

  /// A call is given up because its time is over.
  func callTimedOut(begin: NIODeadline, now: NIODeadline) {
    guard !isLost else { return }
    perform(keepalive.callTimedOut(begin: begin, now: now))
    timer?.update(for: self)
  }

  /// Another connection to the same peer has fallen silent.
  func suspect(now: NIODeadline) {
    guard isReady, !isLost else { return }
    perform(keepalive.suspect(now: now))
    timer?.update(for: self)
  }

  private func offerStreams() {
    guard hasNewStreams else { return }
    hasNewStreams = false
    delegate?.connectionMayTakeCalls(self)
  }

  // MARK: The end

  /// Takes no more calls, and closes when the open ones have ended.
  func retire(tooManyPings: Bool = false) {
    guard !isRetired else { return }
    isRetired = true
    delegate?.connectionDidRetire(self, tooManyPings: tooManyPings)
    guard !isLost, context != nil else { return }
    if openStreams == 0 {
      close()
    } else {
      drainDeadline = .now() + drainTimeout
      timer?.update(for: self)
    }
  }

  /// Says farewell and closes at once; open calls are lost.
  func close(because reason: String? = nil) {
    if failure == nil { failure = reason }
    guard !isCloseRequested else { return }
    isCloseRequested = true
    // Within the session's callbacks the flush that follows them closes.
    if !isReading { flush() }
  }

  private func lose(_ reason: String?) {
    guard !isLost else { return }
    isLost = true
    isRetired = true
    if failure == nil { failure = reason }
    timer?.update(for: self)
    session.connectionClosed(.cancel)
    delegate?.connectionDidClose(self)
  }

  // MARK: Writing

  /// Has what was submitted written at the end of this turn of the loop, or of the running read.
  func setNeedsFlush() {
    guard !isReading, !isFlushPlanned, !isLost, let context else { return }
    isFlushPlanned = true
    context.eventLoop.assumeIsolated().execute {
      self.isFlushPlanned = false
      self.flush()
    }
  }

  private func flush() {
    guard let context, !isLost, !isFlushing else { return }
    isFlushing = true
    writeOutput(context)
    if !isLost, isCloseRequested, session.failure == nil {
      session.terminate(.noError)
      writeOutput(context)
    }
    isFlushing = false
    guard !isLost else { return }
    offerStreams()
    if isCloseRequested || session.failure != nil || session.isFinished {
      if failure == nil { failure = session.failure?.message }
      context.close(promise: nil)
    } else if isReadDelayed, !session.isOutputCongested {
      isReadDelayed = false
      context.read()
    }
  }

  private func writeOutput(_ context: ChannelHandlerContext) {
    let now = NIODeadline.now().uptimeNanoseconds
    // A write that fails may close the channel before it returns.
    while !isLost, context.channel.isWritable {
      output.clear()
      session.takeOutput(limit: Self.writeSize, now: now) { bytes in
        bytes.withUnsafeBytes { _ = output.writeBytes($0) }
      }
      guard output.readableBytes > 0 else { return }
      context.writeAndFlush(wrapOutboundOut(output), promise: nil)
    }
  }
}

// MARK: - Time

extension ClientConnection: TimeDriven {
  var nextTime: NIODeadline? {
    guard !isLost, !isCloseRequested else { return nil }
    guard let drainDeadline else { return keepalive.nextDeadline }
    return keepalive.nextDeadline.map { min($0, drainDeadline) } ?? drainDeadline
  }

  func timeCame(now: NIODeadline) {
    guard !isLost else { return }
    if let drainDeadline, drainDeadline <= now {
      close(because: "the connection did not drain in time")
    } else {
      perform(keepalive.timeCame(now: now))
    }
  }

  private func perform(_ action: KeepaliveState.Action) {
    switch action {
    case .none: break
    case .ping:
      session.submitPing(payload: 0x6b65_6570_616c_6976)
      setNeedsFlush()
    case .renew:
      failure = "another connection to the peer has fallen silent"
      isRenewed = true
      retire()
    case .close:
      delegate?.connectionDidFallSilent(self)
      close(because: "the peer did not answer a keepalive PING in time")
    }
  }
}

// MARK: - The socket's events

extension ClientConnection {
  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    timer = LoopTimer(on: context.eventLoop)
    timer?.update(for: self)
    if context.channel.isActive { flush() }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    lose(nil)
    self.context = nil
  }

  func channelActive(context: ChannelHandlerContext) {
    flush()
    context.fireChannelActive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isLost, session.failure == nil else { return }
    let now = NIODeadline.now()
    if keepalive.isAsking { hasNewStreams = true }
    keepalive.received(now: now)
    let bytes = unwrapInboundIn(data)
    isReading = true
    do throws(HTTP2Error) {
      try bytes.withUnsafeReadableBytes { buffer throws(HTTP2Error) in
        try session.receive(buffer.bytes, now: now.uptimeNanoseconds)
      }
    } catch {
      failure = "the peer broke HTTP/2: \(error.message)"
      isCloseRequested = true
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    offerStreams()
    isReading = false
    timer?.update(for: self)
    flush()
    context.fireChannelReadComplete()
  }

  func read(context: ChannelHandlerContext) {
    if session.isOutputCongested {
      isReadDelayed = true
    } else {
      context.read()
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    keepalive.setStandstill(!context.channel.isWritable, now: .now())
    timer?.update(for: self)
    if context.channel.isWritable { flush() }
    context.fireChannelWritabilityChanged()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if failure == nil { failure = "\(error)" }
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    lose(nil)
    context.fireChannelInactive()
  }
}

// MARK: - The session's events

extension ClientConnection: SessionDelegate {
  func sessionDidReceiveSettings(_ session: Session) {
    let peer = Int(session.remoteSettings.maxConcurrentStreams)
    maximumStreams = min(peer, maximumStreamsByConfiguration)
    hasNewStreams = true
    guard !isReady else { return }
    isReady = true
    delegate?.connectionDidBecomeReady(self)
  }

  func session(
    _ session: Session, didReceiveGoAway lastStreamID: Int32, code: ErrorCode, debugData: [UInt8]
  ) {
    if failure == nil, code != .noError {
      let text = String(decoding: debugData.prefix(200), as: UTF8.self)
      failure = "the peer closed the connection with \(code)\(text.isEmpty ? "" : ": \(text)")"
    }
    let tooManyPings = code == .enhanceYourCalm && debugData.elementsEqual("too_many_pings".utf8)
    retire(tooManyPings: tooManyPings)
  }
}
