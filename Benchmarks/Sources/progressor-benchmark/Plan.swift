/// How long everything takes.
struct Plan: Sendable {
  /// Before each measurement.
  var warmUp: Duration
  /// Each measurement.
  var measuring: Duration
  /// Before each slice of a comparison.
  var sliceWarmUp: Duration
  /// How often each of two things that are compared is measured; odd, so that one is in the middle.
  var rounds: Int
  /// Timers that are due at one time.
  var timers: Int
  /// After which the whole run is given up, in seconds.
  var limit: Int

  /// Each slice of a comparison.
  var slice: Duration { measuring / 4 }

  static let full = Plan(
    warmUp: .milliseconds(1_000), measuring: .seconds(5), sliceWarmUp: .milliseconds(300),
    rounds: 5, timers: 10_000, limit: 260)
  static let short = Plan(
    warmUp: .milliseconds(300), measuring: .milliseconds(1_000), sliceWarmUp: .milliseconds(100),
    rounds: 3, timers: 1_000, limit: 90)
}
