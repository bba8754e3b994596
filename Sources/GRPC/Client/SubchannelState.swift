import NIOCore

/// When one connection of a channel is made, given up and made again. A value without IO: what
/// happened and the time go in, what to do comes out, and what it waits for is computed.
struct SubchannelState: Sendable {
  private enum Phase: Sendable, Hashable {
    case idle
    /// An attempt is under way; it is given up at `until`.
    case connecting(until: NIODeadline)
    case ready
    /// The last attempt ended at `since`.
    case waiting(since: NIODeadline, until: NIODeadline)
  }

  private var phase = Phase.idle
  private var backoff: ConnectionBackoff
  private let connectTimeout: TimeAmount
  private let provingTime: TimeAmount
  private var attemptStarted = NIODeadline.uptimeNanoseconds(0)
  private var readySince = NIODeadline.uptimeNanoseconds(0)
  private var isProven = false
  /// Connections in a row that ended before they were of use.
  private var uselessConnections = 0
  /// Whether a failure was not followed by a working connection yet.
  private var hasFailed = false
  /// Which attempt is under way or brought the connection that is in use; news of others are late.
  private(set) var attempt = 0

  init(_ policy: BackoffPolicy, connectTimeout: TimeAmount) {
    backoff = ConnectionBackoff(policy)
    self.connectTimeout = connectTimeout
    provingTime = max(policy.initial, .seconds(1))
  }

  /// The state to show; see ``Connectivity/transientFailure``.
  var connectivity: Connectivity {
    switch phase {
    case .idle: .idle
    case .connecting: hasFailed ? .transientFailure : .connecting
    case .ready: .ready
    case .waiting: .transientFailure
    }
  }

  var isReady: Bool { phase == .ready }

  /// Whether an attempt to connect is under way.
  var isConnecting: Bool {
    if case .connecting = phase { true } else { false }
  }

  /// When something is due.
  ///
  /// - Parameter probing: after how long without an attempt a new one begins although the wait is
  ///   longer, because calls wait; nil = they do not shorten it.
  func nextDeadline(probing: TimeAmount?) -> NIODeadline? {
    switch phase {
    case .idle, .ready: nil
    case .connecting(let until): until
    case .waiting(let since, let until): probing.map { min(until, since + $0) } ?? until
    }
  }

  /// The next attempt begins, if a connection is wanted and none is made: the first at once, others
  /// when their wait is over.
  ///
  /// - Returns: the attempt to make now.
  mutating func connect(now: NIODeadline, probing: TimeAmount?) -> Int? {
    switch phase {
    case .idle: return start(now: now)
    case .waiting:
      guard let due = nextDeadline(probing: probing), due <= now else { return nil }
      return start(now: now)
    case .connecting, .ready: return nil
    }
  }

  /// Gives up an attempt that took too long.
  ///
  /// - Returns: whether there was one.
  mutating func giveUp(now: NIODeadline, random: Double) -> Bool {
    guard case .connecting(let until) = phase, until <= now else { return false }
    failed(now: now, random: random)
    return true
  }

  /// An attempt succeeded.
  ///
  /// - Returns: whether its connection is the one to use.
  mutating func connected(_ attempt: Int, now: NIODeadline) -> Bool {
    guard attempt == self.attempt, isConnecting else { return false }
    phase = .ready
    readySince = now
    isProven = false
    hasFailed = false
    return true
  }

  /// The connection brought an answer to a call: its peer is what it should be.
  mutating func proved(_ attempt: Int) {
    guard attempt == self.attempt, isReady, !isProven else { return }
    isProven = true
    succeeded()
  }

  /// From when on the connection counts as one that works; nil when there is none.
  var provenTime: NIODeadline? {
    guard isReady else { return nil }
    return isProven ? readySince : readySince + provingTime
  }

  /// An attempt failed, or its connection broke or takes no more calls. One that had worked is
  /// replaced at once, and so is the first that had not; more of these in a row are failures, else
  /// a peer that greets and hangs up would keep us connecting.
  ///
  /// - Parameter isRenewal: whether it was we who ended a connection, which then was not useless.
  /// - Returns: whether the news was of the attempt that counts.
  mutating func ended(
    _ attempt: Int, isRenewal: Bool = false, now: NIODeadline, random: Double
  ) -> Bool {
    guard attempt == self.attempt else { return false }
    switch phase {
    case .idle, .waiting: return false
    case .connecting: failed(now: now, random: random)
    case .ready:
      if isProven || now - readySince >= provingTime {
        succeeded()
        replace()
        return true
      }
      if isRenewal {
        replace()
        return true
      }
      uselessConnections += 1
      if uselessConnections == 1 {
        replace()
      } else {
        failed(now: now, random: random)
      }
    }
    return true
  }

  /// Nobody needs the connection any more; a later ``connect(now:probing:)`` starts without
  /// waiting.
  mutating func becomeIdle() {
    phase = .idle
    hasFailed = false
    attempt += 1
  }

  private mutating func replace() {
    phase = .idle
    attempt += 1
  }

  private mutating func succeeded() {
    uselessConnections = 0
    backoff.reset()
  }

  private mutating func start(now: NIODeadline) -> Int {
    phase = .connecting(until: now + connectTimeout)
    attemptStarted = now
    attempt += 1
    return attempt
  }

  private mutating func failed(now: NIODeadline, random: Double) {
    hasFailed = true
    attempt += 1
    // The document counts the wait from the attempt's start, so that a long one is not paid twice.
    let until = max(now, attemptStarted + backoff.next(random: random))
    phase = .waiting(since: now, until: until)
  }
}
