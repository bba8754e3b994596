public import NIOCore

/// When a connection is pinged, asked to end, or ended: keepalive (gRFC A8), idleness and age
/// (gRFC A9), the time for the first bytes, and the PINGs that a client may send.
///
/// A plain value without clock and IO: what happened goes in with the time, what is to be done
/// comes out. `nextWakeup` says when `wake` has something to do at the earliest.
public struct ConnectionLifetime: Sendable {
  /// The times and counts. A time of `nil` switches a rule off.
  public struct Limits: Sendable, Equatable {
    /// How long a client may take from connecting to its preface and SETTINGS.
    public var handshakeTimeout = TimeAmount.seconds(10)
    /// How long nothing may come from the client before it is pinged.
    public var keepaliveInterval: TimeAmount? = .minutes(2)
    /// How long the answer to that may take before the connection is given up.
    public var keepaliveTimeout = TimeAmount.seconds(20)
    /// How long a connection may be without calls before it is asked to end.
    public var maxIdle: TimeAmount? = .minutes(5)
    /// How old a connection may become before it is asked to end; give or take 10 %, so that many
    /// connections of one moment do not end in one moment.
    public var maxAge: TimeAmount?
    /// How long calls may go on after the client was asked to end a connection.
    public var grace = TimeAmount.seconds(30)
    /// How often a client may send PING while no call is open.
    public var minPingInterval = TimeAmount.minutes(5)
    /// How often a client may send PING while calls are open.
    public var minPingIntervalWithCalls = TimeAmount.seconds(10)
    /// How many PINGs may come too early; one more ends the connection.
    public var maxPingStrikes = 2

    /// The defaults.
    public init() {}
  }

  /// What is to be done.
  public enum Action: Sendable, Equatable {
    /// Nothing.
    case none
    /// Send a PING with `keepalivePayload`.
    case ping
    /// Send GOAWAY with the highest stream id; `sentAnnouncement` is to be called when it left.
    case announceShutdown
    /// Send a PING with `shutdownPayload`.
    case confirmShutdown
    /// Send the final GOAWAY with this identifier; what is open goes on.
    case refuseNewCalls(lastStream: Int32)
    /// End the connection now, with GOAWAY of the reason.
    case close(Reason)
  }

  /// Why a connection is ended.
  public enum Reason: Sendable, Equatable {
    /// No preface and SETTINGS in time.
    case handshakeTimeout
    /// A PING was not answered.
    case keepaliveTimeout
    /// The grace after the announcement is over.
    case graceExpired
    /// The client sends more PINGs than it may (`too_many_pings`).
    case tooManyPings
  }

  /// The payload of keepalive PINGs.
  public static let keepalivePayload: UInt64 = 0x6b65_6570_616c_6976
  /// The payload of the PING whose answer shows that the announcement has arrived.
  public static let shutdownPayload: UInt64 = 0x7368_7574_646f_776e

  private enum Phase {
    case handshake
    case open
    /// Announced; the final GOAWAY follows at `finalAt`, or after the PING's answer.
    case announced(finalAt: NIODeadline, closeAt: NIODeadline)
    case refusing(closeAt: NIODeadline)
    case closed
  }

  /// How long the answer that shows the announcement's arrival is waited for.
  private static let announcementTimeout = TimeAmount.seconds(1)

  private let limits: Limits
  private let openedAt: NIODeadline
  private let endsAt: NIODeadline?
  private var phase = Phase.handshake
  private var drain = DrainState()
  private var lastReceived: NIODeadline
  private var pingSentAt: NIODeadline?
  private var standsStill = false
  private var idleSince: NIODeadline?
  private var callCount = 0
  private var lastPing: NIODeadline?
  private var strikes = 0

  /// A connection that was just accepted.
  ///
  /// - Parameter jitter: chance, -1 to 1, that moves `maxAge` by up to 10 %.
  public init(limits: Limits, jitter: Double, now: NIODeadline) {
    self.limits = limits
    openedAt = now
    lastReceived = now
    idleSince = now
    endsAt = limits.maxAge.map {
      now + .nanoseconds(Int64(Double($0.nanoseconds) * (1 + 0.1 * min(1, max(-1, jitter)))))
    }
  }

  /// The client's preface and SETTINGS came.
  public mutating func completedHandshake() {
    if case .handshake = phase { phase = .open }
  }

  /// Bytes came, of whatever kind.
  public mutating func received(now: NIODeadline) {
    lastReceived = now
    pingSentAt = nil
  }

  /// Nothing goes out, or nothing is read, because the client does not take what waits for it; or
  /// that is over. Meanwhile no PING is sent, and none can be answered: the client has all of the
  /// time anew.
  public mutating func setStandstill(_ standsStill: Bool, now: NIODeadline) {
    guard standsStill != self.standsStill else { return }
    self.standsStill = standsStill
    if !standsStill, pingSentAt != nil { pingSentAt = now }
  }

  /// The client opened a stream.
  ///
  /// - Returns: whether it is to be served; if not, it is to be refused and nothing of it done.
  public mutating func openedStream(_ id: Int32) -> Bool {
    if case .closed = phase { return false }
    return drain.opened(id)
  }

  /// A call began.
  public mutating func openedCall() {
    callCount += 1
    idleSince = nil
  }

  /// A call ended on the wire.
  public mutating func closedCall(now: NIODeadline) {
    callCount -= 1
    if callCount == 0 { idleSince = now }
  }

  /// We sent something of a call: the client's PINGs may have been about that (gRFC A8).
  public mutating func sentCallFrames() {
    strikes = 0
    lastPing = nil
  }

  /// The client sent a PING.
  public mutating func receivedPing(now: NIODeadline) -> Action {
    // One read may bring many: the first that is one too many ends the connection.
    if case .closed = phase { return .none }
    let interval = callCount > 0 ? limits.minPingIntervalWithCalls : limits.minPingInterval
    defer { lastPing = now }
    guard let lastPing, now - lastPing < interval else { return .none }
    strikes += 1
    guard strikes > limits.maxPingStrikes else { return .none }
    phase = .closed
    return .close(.tooManyPings)
  }

  /// The announcement of the end left.
  public mutating func sentAnnouncement() -> Action {
    guard case .announced = phase, drain.sentAnnouncement() else { return .none }
    return .confirmShutdown
  }

  /// The client answered a PING of ours.
  public mutating func receivedPingAcknowledgement(payload: UInt64) {
    if payload == Self.shutdownPayload { drain.receivedAnswer() }
  }

  /// All that one read brought was processed.
  public mutating func endedRead() -> Action {
    guard case .announced(_, let closeAt) = phase, let last = drain.endedRead() else {
      return .none
    }
    phase = .refusing(closeAt: closeAt)
    return .refuseNewCalls(lastStream: last)
  }

  /// Begins an orderly end, unless one is under way.
  ///
  /// - Parameter grace: nil = that of the limits.
  public mutating func shutDown(grace: TimeAmount? = nil, now: NIODeadline) -> Action {
    let closeAt = now + (grace ?? limits.grace)
    switch phase {
    case .handshake:
      phase = .closed
      return .close(.graceExpired)
    case .open:
      phase = .announced(finalAt: now + Self.announcementTimeout, closeAt: closeAt)
      return drain.announce() ? .announceShutdown : .none
    case .announced(let finalAt, let earlier):
      phase = .announced(finalAt: finalAt, closeAt: min(closeAt, earlier))
      return .none
    case .refusing(let earlier):
      phase = .refusing(closeAt: min(closeAt, earlier))
      return .none
    case .closed:
      return .none
    }
  }

  /// When `wake` is to be called at the latest; nil = not until something else happens.
  public var nextWakeup: NIODeadline? {
    switch phase {
    case .handshake: openedAt + limits.handshakeTimeout
    case .open: .earliest(keepaliveAt, .earliest(idleAt, endsAt))
    case .announced(let finalAt, let closeAt): min(finalAt, closeAt)
    case .refusing(let closeAt): closeAt
    case .closed: nil
    }
  }

  /// Time passed. Call it again until it answers `.none`.
  public mutating func wake(now: NIODeadline) -> Action {
    switch phase {
    case .handshake:
      guard now >= openedAt + limits.handshakeTimeout else { return .none }
      phase = .closed
      return .close(.handshakeTimeout)
    case .open:
      return wakeOpen(now: now)
    case .announced(let finalAt, let closeAt):
      if now >= closeAt {
        phase = .closed
        return .close(.graceExpired)
      }
      guard now >= finalAt, let last = drain.conclude() else { return .none }
      phase = .refusing(closeAt: closeAt)
      return .refuseNewCalls(lastStream: last)
    case .refusing(let closeAt):
      guard now >= closeAt else { return .none }
      phase = .closed
      return .close(.graceExpired)
    case .closed:
      return .none
    }
  }

  private mutating func wakeOpen(now: NIODeadline) -> Action {
    if !standsStill, let pingSentAt, now >= pingSentAt + limits.keepaliveTimeout {
      phase = .closed
      return .close(.keepaliveTimeout)
    }
    if let endsAt, now >= endsAt { return shutDown(now: now) }
    if let idleAt, now >= idleAt { return shutDown(now: now) }
    guard pingSentAt == nil, let keepaliveAt, now >= keepaliveAt else { return .none }
    pingSentAt = now
    return .ping
  }

  /// When the next PING, or the end of the wait for its answer, is due.
  private var keepaliveAt: NIODeadline? {
    if standsStill { return nil }
    if let pingSentAt { return pingSentAt + limits.keepaliveTimeout }
    return limits.keepaliveInterval.map { lastReceived + $0 }
  }

  private var idleAt: NIODeadline? {
    guard let idleSince, let maxIdle = limits.maxIdle else { return nil }
    return idleSince + maxIdle
  }
}
