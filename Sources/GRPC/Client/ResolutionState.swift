import NIOCore

/// When a name is looked up again. A value without IO: whoever owns it says how much new addresses
/// are needed, and the time of the next look-up is computed from that.
struct ResolutionState: Sendable {
  /// How much the answer to the next look-up is needed.
  enum Need: Sendable, Hashable {
    /// Nobody calls.
    case none
    /// Every address works: only an address that was added is of interest.
    case settled
    /// Some addresses work.
    case partial
    /// None works: the name may have moved.
    case searching
  }

  /// After how long a look-up without an answer counts as failed.
  static let patience = TimeAmount.seconds(30)

  private let searchingInterval: TimeAmount
  private let partialInterval: TimeAmount
  private let settledInterval: TimeAmount
  private var running: (id: Int, until: NIODeadline)?
  private var lastID = 0
  private var lastAnswered = 0
  private var lastEnd: NIODeadline?
  /// What part of an interval is waited: less than all of it, so that servers do not ask in step.
  private var jitter = 1.0
  /// Look-ups that did not answer in time and still may. Each doubles the patience with the next,
  /// so that a resolver that hangs for ever holds few threads.
  private var overdue = 0
  /// Whether look-ups do not end in time.
  var isOverdue: Bool { overdue > 0 }
  /// Whether the last look-up failed.
  private(set) var hasFailed = false

  init(_ configuration: ChannelConfiguration) {
    searchingInterval = max(configuration.minimumResolutionInterval, .milliseconds(1))
    partialInterval = max(configuration.partialResolutionInterval, searchingInterval)
    settledInterval = max(configuration.resolutionInterval, partialInterval)
  }

  /// When something is due.
  func nextDeadline(_ need: Need) -> NIODeadline? {
    if let running { return running.until }
    let interval: TimeAmount
    switch need {
    case .none: return nil
    case .settled: interval = settledInterval
    case .partial: interval = partialInterval
    case .searching: interval = searchingInterval
    }
    guard let lastEnd else { return .uptimeNanoseconds(0) }
    return lastEnd + .nanoseconds(Int64(Double(interval.nanoseconds) * jitter))
  }

  /// Does what is due.
  ///
  /// - Returns: the look-up to begin now.
  mutating func advance(_ need: Need, now: NIODeadline, random: Double) -> Int? {
    if let running, running.until <= now {
      overdue += 1
      hasFailed = true
      conclude(now: now, random: random)
    }
    guard running == nil, let due = nextDeadline(need), due <= now else { return nil }
    lastID += 1
    let patience = Self.patience.nanoseconds << min(overdue, 16)
    running = (lastID, now + .nanoseconds(patience))
    return lastID
  }

  /// A look-up was answered.
  ///
  /// - Returns: whether the answer is news: none of a later look-up came before it.
  mutating func answered(
    _ id: Int, isFailure: Bool, now: NIODeadline, random: Double
  ) -> Bool {
    if running?.id == id {
      conclude(now: now, random: random)
    } else {
      overdue = max(0, overdue - 1)
    }
    guard id > lastAnswered else { return false }
    lastAnswered = id
    hasFailed = isFailure
    return true
  }

  private mutating func conclude(now: NIODeadline, random: Double) {
    running = nil
    lastEnd = now
    jitter = 1 - 0.2 * random
  }
}
