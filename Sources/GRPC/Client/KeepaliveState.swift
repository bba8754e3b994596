import NIOCore

/// When a connection's PINGs are sent and when it is dead. A value without IO: what happened and
/// the time go in, the next time is computed.
///
/// Two things make it ask for a sign of life: silence during a call (``LivenessPolicy``), which
/// finds a peer that is frozen while its system still acknowledges TCP; and, rarely, silence as
/// such (``KeepalivePolicy``, gRFC A8). Servers count PINGs that come more often than every five
/// minutes, unless they have sent something of an answer since the last, and hang up at the third
/// (gRFC A8, "Server Enforcement"): so one PING between two answers is free, and few more are spent
/// on new calls.
struct KeepaliveState: Sendable {
  /// What the owner has to do.
  enum Action: Sendable, Hashable {
    case none
    /// Send a PING.
    case ping
    /// The peer is dead: close the connection.
    case close
    /// Close the connection, which has no calls: another is to take its place.
    case renew
  }

  /// How much later than planned a check of the PING may come: if more, it was we who stood still,
  /// and the answer may lie in the socket.
  private static let tolerance = TimeAmount.seconds(1)
  /// For how long at most a peer is excused that takes nothing of what we send.
  private static let standstillLimit = TimeAmount.seconds(60)

  private let policy: KeepalivePolicy
  private let liveness: LivenessPolicy?
  private var openCalls = 0
  private var lastReceived: NIODeadline
  /// When the first of the calls began that are open; the silence before it proves nothing.
  private var busySince: NIODeadline
  /// Since when a call waits for any byte at all, if a PING may be spent on it.
  private var unheardSince: NIODeadline?
  /// Until when the PING under way has to be answered. Calls have no influence on it.
  private var pingDeadline: NIODeadline?
  /// Since when the socket takes nothing: a PING cannot leave, however alive the peer is.
  private var standstillSince: NIODeadline?
  private var lastPing: NIODeadline?
  /// PINGs since the last piece of an answer came.
  private var unansweredPings = 0

  init(_ policy: KeepalivePolicy, _ liveness: LivenessPolicy?, now: NIODeadline) {
    self.policy = policy
    self.liveness = liveness
    lastReceived = now
    busySince = now
  }

  /// Whether a PING is under way. New calls go elsewhere or wait until it is answered.
  var isAsking: Bool { pingDeadline != nil }

  /// When something is due.
  var nextDeadline: NIODeadline? {
    if let answerDeadline { return answerDeadline }
    return .earliest(probeTime, keepaliveTime)
  }

  /// When a peer that has not answered the PING is dead.
  private var answerDeadline: NIODeadline? {
    guard let pingDeadline, let standstillSince else { return pingDeadline }
    return max(pingDeadline, standstillSince + Self.standstillLimit)
  }

  private var probeTime: NIODeadline? {
    guard let liveness, let unheardSince else { return nil }
    let due = unheardSince + liveness.silence
    guard let spared = sparedUntil else { return due }
    return max(due, spared)
  }

  private var keepaliveTime: NIODeadline? {
    guard let interval = policy.interval, openCalls > 0 || policy.withoutCalls else { return nil }
    return max(lastReceived, busySince) + max(interval, .milliseconds(1))
  }

  /// Until when the peer would count a further PING as one too many; nil if it would not.
  private var sparedUntil: NIODeadline? {
    guard let liveness, let lastPing, unansweredPings > liveness.sparePings else { return nil }
    return lastPing + liveness.politeInterval
  }

  /// Bytes arrived, of whatever kind: the peer lives.
  mutating func received(now: NIODeadline) {
    lastReceived = now
    pingDeadline = nil
    // Calls that a PING was spent on already are watched by their timeouts.
    unheardSince = openCalls > 0 && unansweredPings == 0 ? now : nil
  }

  /// Something of an answer arrived; ``received(now:)`` was told of its bytes.
  mutating func receivedAnswer() {
    unansweredPings = 0
    if openCalls > 0, unheardSince == nil { unheardSince = lastReceived }
  }

  /// The socket takes nothing, because the peer or the way to it is slower than what we send; or
  /// that is over, and the peer has all of the time anew to answer a PING.
  mutating func setStandstill(_ standsStill: Bool, now: NIODeadline) {
    guard standsStill != (standstillSince != nil) else { return }
    standstillSince = standsStill ? now : nil
    if !standsStill, pingDeadline != nil { pingDeadline = now + timeout }
  }

  /// A call was submitted.
  mutating func callBegan(now: NIODeadline) {
    openCalls += 1
    if openCalls == 1 { busySince = now }
    if unheardSince == nil { unheardSince = now }
  }

  /// A call has left the connection.
  mutating func callEnded() {
    openCalls -= 1
    if openCalls == 0 { unheardSince = nil }
  }

  /// A call that began at `begin` is about to be given up, unanswered. If nothing was heard
  /// meanwhile, or not for long, this is the last moment to ask while it is open.
  mutating func callTimedOut(begin: NIODeadline, now: NIODeadline) -> Action {
    guard let liveness, pingDeadline == nil,
      lastReceived <= begin || now - lastReceived >= liveness.silence
    else { return .none }
    if let spared = sparedUntil, now < spared { return .none }
    return ping(now: now)
  }

  /// Another connection to the same peer has fallen silent: this one may have, and no call has
  /// noticed, unless something came from the peer lately. One without calls is renewed instead of
  /// asked, because servers count such PINGs: a new one proves by the peer's greeting that it
  /// lives, and nothing is lost.
  mutating func suspect(now: NIODeadline) -> Action {
    guard let liveness, pingDeadline == nil, now - lastReceived >= liveness.silence else {
      return .none
    }
    guard openCalls > 0 else { return .renew }
    if let spared = sparedUntil, now < spared { return .none }
    return ping(now: now)
  }

  /// What is due at this time.
  mutating func timeCame(now: NIODeadline) -> Action {
    if let due = answerDeadline {
      guard now >= due else { return .none }
      guard now <= due + Self.tolerance else {
        pingDeadline = now + Self.tolerance
        return .none
      }
      return .close
    }
    guard let due = nextDeadline, now >= due else { return .none }
    return ping(now: now)
  }

  private mutating func ping(now: NIODeadline) -> Action {
    lastPing = now
    unansweredPings += 1
    unheardSince = nil
    pingDeadline = now + timeout
    return .ping
  }

  private var timeout: TimeAmount {
    max(min(policy.timeout, liveness?.timeout ?? policy.timeout), .milliseconds(1))
  }
}
