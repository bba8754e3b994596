import PostgreSQL

/// The pauses of a sweep whose pieces fail one after the other, and what is said of that: once that
/// it fails, and once that it goes on. Times in microseconds, on any clock that only grows.
struct SweepRest {
  private var failures = 0
  private var backoff = Self.firstBackoff
  /// No piece begins before; nil = the last one did not fail.
  private(set) var until: Int64?

  private static let firstBackoff = Backoff(initial: .seconds(1), maximum: .seconds(60))
  /// A single failure passes by itself: a session that is cut, a server that is started again.
  private static let failuresUntilTold = 2

  /// A piece failed. True if people should hear of it.
  mutating func failed(at now: Int64) -> Bool {
    failures += 1
    until = now + backoff.next().microseconds
    return failures == Self.failuresUntilTold
  }

  /// A piece was deleted. True if people have heard that they fail.
  mutating func ended() -> Bool {
    defer { self = SweepRest() }
    return failures >= Self.failuresUntilTold
  }
}
