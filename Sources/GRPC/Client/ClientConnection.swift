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

/// One client connection: whether it takes calls, whether its peer lives, and how it ends;
/// `ConnectionDriver` carries the bytes. Confined to the event loop.
final class ClientConnection {
  private let driver: ConnectionDriver<ClientConnection>
  /// Not retained; the owner outlives its connections.
  weak var delegate: (any ClientConnectionDelegate)?
  /// The first header fields of all requests.
  let prefix: StaticHeaders
  private let maximumStreamsByConfiguration: Int
  private let drainTimeout: TimeAmount
  let unfinishedFrameTimeout: TimeAmount?
  private var keepalive: KeepaliveState
  private var drainDeadline: NIODeadline?
  private var isProven = false
  private var hasNewStreams = false
  /// Whether GOAWAY is still to be said before the connection closes.
  private var isFarewellDue = false

  /// Streams that did not close yet.
  private(set) var openStreams = 0
  private(set) var maximumStreams = 0
  private(set) var isReady = false
  /// Whether new calls go elsewhere.
  private(set) var isRetired = false
  /// Whether it was retired because another is to take its place, and for no fault of its own.
  private(set) var isRenewed = false
  private var failure: String?

  init(
    configuration: ChannelConfiguration, keepalive policy: KeepalivePolicy,
    liveness: LivenessPolicy?, on eventLoop: any EventLoop, now: NIODeadline
  ) throws(HTTP2Error) {
    var settings = SessionSettings()
    settings.initialWindowSize = UInt32(clamping: max(configuration.streamWindowSize, 1))
    settings.connectionWindowSize = UInt32(clamping: configuration.connectionWindowSize)
    settings.headers = ResponseFields.limits(keeping: configuration.maximumHeaderListSize)
    driver = try ConnectionDriver(role: .client, settings: settings, on: eventLoop, now: now)
    prefix =
      configuration.security == nil ? RequestHeaders.prefix : RequestHeaders.securedPrefix
    maximumStreamsByConfiguration = max(configuration.maximumStreamsPerConnection, 1)
    drainTimeout = configuration.drainTimeout
    unfinishedFrameTimeout = configuration.unfinishedFrameTimeout
    keepalive = KeepaliveState(policy, liveness, now: now)
  }

  /// Begins to use a channel.
  ///
  /// - Throws: when the channel is closed already.
  func start(on channel: any Channel) throws {
    try driver.start(self, on: channel)
  }

  var session: Session { driver.session }

  /// Whether the connection is gone.
  var isLost: Bool { driver.isGone }

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
    _ headers: HeaderList, _ attempt: any ClientAttempt, now: NIODeadline
  ) throws(HTTP2Error) {
    do throws(HTTP2Error) {
      let stream = try session.submitRequest(
        headers, prefix: prefix, hasBody: true, delegate: attempt)
      attempt.begin(on: stream)
    } catch {
      retire()
      throw error
    }
    openStreams += 1
    setNeedsFlush()
    keepalive.callBegan(now: now)
    driver.updateTimer()
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
    driver.updateTimer()
  }

  /// Another connection to the same peer has fallen silent.
  func suspect(now: NIODeadline) {
    guard isReady, !isLost else { return }
    perform(keepalive.suspect(now: now))
    driver.updateTimer()
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
    guard !isLost else { return }
    if openStreams == 0 {
      close()
    } else {
      drainDeadline = .now() + drainTimeout
      driver.updateTimer()
    }
  }

  /// Says farewell and closes at once; open calls are lost.
  func close(because reason: String? = nil) {
    if failure == nil { failure = reason }
    guard !driver.isEnding else { return }
    isFarewellDue = true
    driver.closeAfterFlush()
    // Within the session's callbacks the flush that follows them closes.
    driver.flushNow()
  }

  /// Has what was submitted written at the end of this turn of the loop, or of the running read.
  func setNeedsFlush() {
    driver.setNeedsFlush()
  }
}

// MARK: - Time

extension ClientConnection {
  var nextTime: NIODeadline? {
    driver.isEnding ? nil : .earliest(keepalive.nextDeadline, drainDeadline)
  }

  func timeCame(now: NIODeadline) {
    if let drainDeadline, drainDeadline <= now {
      close(because: "the connection did not drain in time")
    } else {
      perform(keepalive.timeCame(now: now))
    }
  }

  func frameTookTooLong() {
    close(because: "the peer did not end a frame in time")
  }

  private func perform(_ action: KeepaliveState.Action) {
    switch action {
    case .none: break
    case .ping:
      session.submitPing(payload: ConnectionLifetime.keepalivePayload)
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

// MARK: - The socket

extension ClientConnection: ConnectionSide {
  static var writeSize: Int { 256 << 10 }
  static var speaksFirst: Bool { true }
  /// Answers are taken from a peer that takes no requests: it may wait for just that.
  static var readsWhileUnwritable: Bool { true }

  func received(now: NIODeadline) {
    if keepalive.isAsking { hasNewStreams = true }
    keepalive.received(now: now)
  }

  func endedRead() {
    offerStreams()
  }

  func wrote() {
    if let error = session.failure {
      if failure == nil { failure = error.message }
      if !driver.isEnding { driver.closeAfterFlush() }
    } else if isFarewellDue {
      isFarewellDue = false
      session.terminate(.noError)
      driver.setNeedsFlush()
    } else if !driver.isEnding {
      offerStreams()
    }
  }

  func standstillChanged(_ standsStill: Bool, now: NIODeadline) {
    keepalive.setStandstill(standsStill, now: now)
  }

  func sessionFailed(_ error: HTTP2Error, after bytes: ByteBuffer) {
    failure = "the peer broke HTTP/2: \(error.message)"
  }

  func socketFailed(_ error: any Error) {
    if failure == nil { failure = "\(error)" }
  }

  func socketClosed() {
    isRetired = true
    session.connectionClosed(.cancel)
    delegate?.connectionDidClose(self)
  }
}

// MARK: - The session's events

extension ClientConnection {
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
