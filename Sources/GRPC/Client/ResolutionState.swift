import NIOCore

/// When a name is looked up again. A value without IO.
struct ResolutionState: Sendable {
  /// What the owner has to do.
  enum Action: Sendable, Hashable {
    /// Nothing: it is running or was planned.
    case none
    /// Look up now.
    case resolve
    /// Call ``timeCame(now:)`` at that time.
    case wait(until: NIODeadline)
  }

  private enum Phase: Sendable, Hashable {
    case resting
    case running
    case waiting
  }

  private var phase = Phase.resting
  private var backoff: Backoff
  private let minimumInterval: TimeAmount
  private var lastStart: NIODeadline?

  init(backoff policy: BackoffPolicy, minimumInterval: TimeAmount) {
    backoff = Backoff(policy)
    self.minimumInterval = minimumInterval
  }

  /// The addresses may be out of date: a connection failed, or there are none yet.
  mutating func request(now: NIODeadline) -> Action {
    guard phase == .resting else { return .none }
    if let lastStart, now < lastStart + minimumInterval {
      phase = .waiting
      return .wait(until: lastStart + minimumInterval)
    }
    return start(now: now)
  }

  /// The time of ``Action/wait(until:)`` came.
  mutating func timeCame(now: NIODeadline) -> Action {
    phase == .waiting ? start(now: now) : .none
  }

  /// Nobody needs addresses any more.
  mutating func stop() {
    if phase == .waiting { phase = .resting }
  }

  /// The look-up found addresses.
  mutating func succeeded() {
    phase = .resting
    backoff.reset()
  }

  /// The look-up failed. It is repeated while anybody `isNeeded`.
  mutating func failed(now: NIODeadline, random: Double, isNeeded: Bool) -> Action {
    let wait = backoff.next(random: random)
    guard isNeeded else {
      phase = .resting
      return .none
    }
    phase = .waiting
    return .wait(until: now + wait)
  }

  private mutating func start(now: NIODeadline) -> Action {
    phase = .running
    lastStart = now
    return .resolve
  }
}
