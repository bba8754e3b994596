public import NIOCore

/// How long to wait between attempts to connect (gRPC `doc/connection-backoff.md`).
public struct BackoffPolicy: Sendable, Hashable {
  /// The wait after the first failure.
  public var initial: TimeAmount
  /// What each further wait is longer by.
  public var multiplier: Double
  /// The longest wait, before jitter.
  public var maximum: TimeAmount
  /// By what part a wait is made longer or shorter at random, 0 to 1.
  public var jitter: Double

  /// The gRPC document's numbers.
  public init(
    initial: TimeAmount = .seconds(1), multiplier: Double = 1.6,
    maximum: TimeAmount = .seconds(120),
    jitter: Double = 0.2
  ) {
    self.initial = initial
    self.multiplier = multiplier
    self.maximum = maximum
    self.jitter = jitter
  }
}

/// The waits of one row of failures. A value; randomness is handed in.
struct ConnectionBackoff: Sendable, Hashable {
  private let policy: BackoffPolicy
  private var base: Double

  init(_ policy: BackoffPolicy) {
    self.policy = policy
    base = Self.nanoseconds(policy.initial)
  }

  /// The wait after another failure.
  ///
  /// - Parameter random: from 0 up to, but not including, 1.
  mutating func next(random: Double) -> TimeAmount {
    let maximum = Self.nanoseconds(policy.maximum)
    let wait = min(base, maximum)
    base = min(base * max(policy.multiplier, 1), maximum)
    let jitter = min(max(policy.jitter, 0), 1)
    let jittered = wait * (1 + jitter * (2 * random - 1))
    return .nanoseconds(Int64(min(max(jittered, 0), 1e18)))
  }

  /// Starts anew after a success.
  mutating func reset() {
    base = Self.nanoseconds(policy.initial)
  }

  private static func nanoseconds(_ amount: TimeAmount) -> Double {
    Double(max(amount.nanoseconds, 0))
  }
}
