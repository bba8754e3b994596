/// How long a sink waits after a delivery that failed: half a second at first, twice as long each
/// time, a minute at most, without end.
struct SinkBackoff {
  private var failures = 0

  /// The longest pause, whatever the other side asks for.
  static let longest: Duration = .seconds(60)
  private static let first: Duration = .milliseconds(500)

  /// Something has arrived.
  mutating func reset() { failures = 0 }

  /// - Parameters:
  ///   - asked: What the other side asks for; nil = it does not ask.
  ///   - random: From 0 to 1; it takes up to a fifth off, so that many sinks do not come at once.
  mutating func next(asked: Duration?, random: Double) -> Duration {
    // Seven times is more than the longest.
    let doubled = min(Self.first * (1 << min(failures, 7)), Self.longest)
    failures += 1
    return min(max(doubled * (1 - random / 5), asked ?? .zero), Self.longest)
  }
}
