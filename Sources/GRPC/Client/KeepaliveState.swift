import NIOCore

/// When a connection's PINGs are sent and when it is dead (gRFC A8). A value without IO.
struct KeepaliveState: Sendable {
  /// What the owner has to do.
  enum Action: Sendable, Hashable {
    /// Call ``check(now:hasCalls:)`` at that time.
    case wait(until: NIODeadline)
    /// Send a PING, then call ``check(now:hasCalls:)`` at that time.
    case ping(thenWaitUntil: NIODeadline)
    /// The peer is dead: close the connection.
    case close
    /// Nothing, until a call begins.
    case rest
  }

  private let interval: TimeAmount
  private let timeout: TimeAmount
  let withoutCalls: Bool
  private var lastReceived: NIODeadline
  private var pingSent: NIODeadline?
  /// Whether no check is planned, because no call is open.
  private(set) var isResting = true

  /// - Returns: nil if the policy sends no PINGs.
  init?(_ policy: KeepalivePolicy, now: NIODeadline) {
    guard let interval = policy.interval else { return nil }
    self.interval = max(interval, .milliseconds(1))
    timeout = max(policy.timeout, .milliseconds(1))
    withoutCalls = policy.withoutCalls
    lastReceived = now
  }

  /// Bytes arrived, of whatever kind: the peer lives.
  mutating func received(now: NIODeadline) {
    lastReceived = now
    pingSent = nil
  }

  /// A call begins, or the connection begins that is to be watched without calls.
  ///
  /// - Returns: when to call ``check(now:hasCalls:)``; nil if that is planned already.
  mutating func wake(now: NIODeadline) -> NIODeadline? {
    guard isResting else { return nil }
    isResting = false
    // The silence before the call proves nothing.
    lastReceived = now
    return now + interval
  }

  /// What is due at this time.
  mutating func check(now: NIODeadline, hasCalls: Bool) -> Action {
    if let pingSent {
      return now >= pingSent + timeout ? .close : .wait(until: pingSent + timeout)
    }
    guard hasCalls || withoutCalls else {
      isResting = true
      return .rest
    }
    guard now >= lastReceived + interval else { return .wait(until: lastReceived + interval) }
    pingSent = now
    return .ping(thenWaitUntil: now + timeout)
  }
}
