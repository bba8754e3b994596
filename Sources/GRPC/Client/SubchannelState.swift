import NIOCore

/// When one connection of a channel is made, given up and made again. A value without IO: what
/// happened and the time go in, what to do comes out.
struct SubchannelState: Sendable {
  /// What the owner has to do.
  enum Action: Sendable, Hashable {
    /// Nothing.
    case none
    /// Start to connect now.
    case connect
    /// Call ``backoffElapsed(now:)`` at that time.
    case wait(until: NIODeadline)
  }

  private enum Phase: Sendable, Hashable {
    case idle
    case connecting
    case ready
    case waiting(until: NIODeadline)
    case shutdown
  }

  private var phase = Phase.idle
  private var backoff: Backoff
  private let provingTime: TimeAmount
  private var attemptStarted = NIODeadline.uptimeNanoseconds(0)
  private var readySince = NIODeadline.uptimeNanoseconds(0)
  private var isProven = false
  /// Connections in a row that ended before they were of use.
  private var uselessConnections = 0
  /// Whether a failure was not followed by a working connection yet.
  private var hasFailed = false

  init(_ policy: BackoffPolicy) {
    backoff = Backoff(policy)
    provingTime = policy.initial
  }

  /// The state to show; see ``Connectivity/transientFailure``.
  var connectivity: Connectivity {
    switch phase {
    case .idle: .idle
    case .connecting: hasFailed ? .transientFailure : .connecting
    case .ready: .ready
    case .waiting: .transientFailure
    case .shutdown: .shutdown
    }
  }

  /// A connection is wanted.
  mutating func connect(now: NIODeadline) -> Action {
    guard phase == .idle else { return .none }
    return start(now: now)
  }

  /// The attempt succeeded.
  mutating func connected(now: NIODeadline) {
    guard phase == .connecting else { return }
    phase = .ready
    readySince = now
    isProven = false
    hasFailed = false
  }

  /// The connection brought an answer to a call: its peer is what it should be.
  mutating func proved() {
    guard phase == .ready, !isProven else { return }
    isProven = true
    succeeded()
  }

  /// The attempt failed.
  mutating func attemptFailed(now: NIODeadline, random: Double) -> Action {
    guard phase == .connecting else { return .none }
    return failed(now: now, random: random)
  }

  /// The connection broke, or takes no more calls. One that had worked is replaced at once, and so is
  /// the first that had not; more of these in a row are failures, else a peer that greets and hangs
  /// up would keep us connecting.
  mutating func connectionEnded(now: NIODeadline, random: Double) -> Action {
    guard phase == .ready else { return .none }
    if isProven || now - readySince >= provingTime {
      succeeded()
      return start(now: now)
    }
    uselessConnections += 1
    return uselessConnections == 1 ? start(now: now) : failed(now: now, random: random)
  }

  /// The time of ``Action/wait(until:)`` came.
  mutating func backoffElapsed(now: NIODeadline) -> Action {
    guard case .waiting(let until) = phase, now >= until else { return .none }
    return start(now: now)
  }

  /// Nobody needs the connection any more; a later ``connect(now:)`` starts without waiting.
  mutating func becomeIdle() {
    guard phase != .shutdown else { return }
    phase = .idle
    hasFailed = false
  }

  /// The end. Nothing is asked for afterwards.
  mutating func shutDown() {
    phase = .shutdown
  }

  private mutating func succeeded() {
    uselessConnections = 0
    backoff.reset()
  }

  private mutating func start(now: NIODeadline) -> Action {
    phase = .connecting
    attemptStarted = now
    return .connect
  }

  private mutating func failed(now: NIODeadline, random: Double) -> Action {
    hasFailed = true
    // The document counts the wait from the attempt's start, so that a long one is not paid twice.
    let until = max(now, attemptStarted + backoff.next(random: random))
    phase = .waiting(until: until)
    return .wait(until: until)
  }
}
