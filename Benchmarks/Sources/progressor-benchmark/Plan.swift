/// How long everything takes.
struct Plan: Sendable {
  /// Before each measurement.
  var warmUp: Duration
  /// Each measurement.
  var measuring: Duration
  /// Timers that are due at one time.
  var timers: Int
  /// After which the whole run is given up, in seconds.
  var limit: Int

  static let full = Plan(
    warmUp: .milliseconds(1_000), measuring: .seconds(5), timers: 10_000, limit: 175)
  static let short = Plan(
    warmUp: .milliseconds(300), measuring: .milliseconds(1_000), timers: 1_000, limit: 60)
}
