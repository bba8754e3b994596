/// Which turns of the engine's loop are worth a line in the log: those that took long, few of them.
///
/// Times are microseconds of a clock that stands still during a suspend.
struct SlowTurns {
  /// What takes longer is slow: everybody waits for it.
  static let threshold: Int64 = 250_000
  /// At most one line in so long: what makes one turn slow makes more of them slow.
  static let interval: Int64 = 10_000_000

  /// Slow turns so far.
  private(set) var count: UInt64 = 0
  private var unlogged: UInt64 = 0
  private var lastLine: Int64?

  /// A turn ended. nil = nothing is to be logged; else how many slow ones were not, since the last
  /// line.
  mutating func ended(at now: Int64, began: Int64) -> UInt64? {
    guard now - began > SlowTurns.threshold else { return nil }
    count += 1
    if let lastLine, now - lastLine < SlowTurns.interval {
      unlogged += 1
      return nil
    }
    defer { (unlogged, lastLine) = (0, now) }
    return unlogged
  }
}
