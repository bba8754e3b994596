/// The highest of a number in the last minute, whoever reads it and how often.
///
/// Kept as the highest of each stretch of five seconds, so that it costs the same at any rate. What
/// is up to five seconds older than a minute may still count. Times are `Moment.uptime`.
struct Peak: Sendable, Hashable {
  static let window: Int64 = 60_000_000
  private static let stretch: Int64 = 5_000_000
  /// Those of a minute, and the one that has just begun.
  private static let count = Int64(window / stretch) + 1

  /// By number of stretch modulo `count`; what was not recorded is 0.
  private var heights = [Int](repeating: 0, count: Int(count))
  private var newest = Int64.zero

  /// Counts a number, not below 0.
  mutating func record(_ height: Int, at uptime: Int64) {
    assert(height >= 0, "there are no fewer than none")
    let stretch = max(newest, uptime / Peak.stretch)
    // What is in the places of the stretches that went by is older than any that counts.
    for passed in 0..<min(stretch - newest, Peak.count) {
      heights[Int((stretch - passed) % Peak.count)] = 0
    }
    newest = stretch
    let place = Int(stretch % Peak.count)
    heights[place] = max(heights[place], height)
  }

  /// The highest of the minute before; 0 = nothing was recorded.
  func height(at uptime: Int64) -> Int {
    let oldest = max(newest, uptime / Peak.stretch) - Peak.count + 1
    guard oldest <= newest else { return 0 }
    return (max(0, oldest)...newest).reduce(0) { max($0, heights[Int($1 % Peak.count)]) }
  }
}
