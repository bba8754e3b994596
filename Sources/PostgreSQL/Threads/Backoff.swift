/// Pauses that double from one failure to the next, each shortened by chance so that many clients
/// of a database that returns do not come all at once.
public struct Backoff: Sendable {
  private var interval: Duration
  private let maximum: Duration

  /// The first pause is at most `initial`, none is more than `maximum`.
  public init(initial: Duration = .milliseconds(50), maximum: Duration = .seconds(2)) {
    interval = min(initial, maximum)
    self.maximum = maximum
  }

  /// The next pause: half the interval to the whole of it.
  public mutating func next() -> Duration {
    defer { interval = min(interval * 2, maximum) }
    return interval * Double.random(in: 0.5...1)
  }
}
