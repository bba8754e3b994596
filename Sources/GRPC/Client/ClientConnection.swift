import HTTP2
import NIOCore

/// What a connection tells its owner, on the event loop.
protocol ClientConnectionDelegate: AnyObject {
  /// The peer's SETTINGS came: it speaks HTTP/2, calls may go.
  func connectionDidBecomeReady(_ connection: ClientConnection)
  /// The connection brought a gRPC answer.
  func connectionDidReceiveAnswer(_ connection: ClientConnection)
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
  private var keepalive: KeepaliveState?
  private var keepaliveTimer: Scheduled<Void>?
  private var drainTimer: Scheduled<Void>?

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
  /// Whether the connection is gone.
  private(set) var isLost = false
  private var failure: String?

  init(
    configuration: ChannelConfiguration, keepalive policy: KeepalivePolicy, now: NIODeadline
  ) throws(HTTP2Error) {
    var settings = SessionSettings()
    settings.initialWindowSize = UInt32(clamping: max(configuration.streamWindowSize, 1))
    settings.connectionWindowSize = UInt32(clamping: configuration.connectionWindowSize)
    settings.headers = ResponseFields.limits(keeping: configuration.maximumHeaderListSize)
    session = try Session(role: .client, settings: settings, now: now.uptimeNanoseconds)
    maximumStreamsByConfiguration = max(configuration.maximumStreamsPerConnection, 1)
    drainTimeout = configuration.drainTimeout
    keepalive = KeepaliveState(policy, now: now)
  }

  /// Why the connection was lost, for the status of its calls.
  var lossDescription: String { failure ?? "the connection was closed by the peer" }

  /// Whether a call can be started on it now.
  var hasFreeStream: Bool { isReady && !isRetired && openStreams < maximumStreams }

  // MARK: Calls

  /// Opens a stream. The bytes leave with everything else of this turn of the loop.
  ///
  /// - Throws: when the connection takes no more streams. It is retired then.
  func submit(_ headers: HeaderList, _ attempt: ClientStream) throws(HTTP2Error) {
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
    if keepalive?.isResting == true { wakeKeepalive() }
  }

  /// A stream closed.
  func streamDidClose() {
    openStreams -= 1
    hasNewStreams = true
    if isRetired, openStreams == 0, !isLost { close() }
  }

  /// A stream brought a gRPC answer.
  func didReceiveAnswer() {
    delegate?.connectionDidReceiveAnswer(self)
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
    guard !isLost, let context else { return }
    if openStreams == 0 {
      close()
    } else {
      drainTimer = context.eventLoop.assumeIsolated().scheduleTask(in: drainTimeout) {
        self.close(because: "the connection did not drain in time")
      }
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
    keepaliveTimer?.cancel()
    drainTimer?.cancel()
    session.connectionClosed(.cancel)
    delegate?.connectionDidClose(self)
  }

  // MARK: Keepalive

  private func wakeKeepalive() {
    if let until = keepalive?.wake(now: .now()) { scheduleKeepalive(until) }
  }

  private func scheduleKeepalive(_ until: NIODeadline) {
    guard let context else { return }
    keepaliveTimer = context.eventLoop.assumeIsolated().scheduleTask(deadline: until) {
      self.checkKeepalive()
    }
  }

  private func checkKeepalive() {
    guard !isLost else { return }
    switch keepalive?.check(now: .now(), hasCalls: openStreams > 0) {
    case .wait(let until):
      scheduleKeepalive(until)
    case .ping(let until):
      session.submitPing(payload: 0x6b65_6570_616c_6976)
      setNeedsFlush()
      scheduleKeepalive(until)
    case .close:
      close(because: "the peer did not answer a keepalive PING in time")
    case .rest, nil:
      break
    }
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

// MARK: - The socket's events

extension ClientConnection {
  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    if keepalive?.withoutCalls == true { wakeKeepalive() }
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
    keepalive?.received(now: now)
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
