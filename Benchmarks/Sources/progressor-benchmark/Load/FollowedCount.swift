/// What a subscriber of the feed was told.
struct FollowedCount: Sendable {
  /// Events, each once.
  var events = 0
  /// Events that came again, or before one that they follow.
  var misplaced = 0
  /// From the end of the step that wrote it to its arrival, in nanoseconds.
  var lags = Histogram()
  /// How the subscription ended, if it did by itself.
  var end: String?

  /// What is wrong with it, counted, for the report.
  ///
  /// - Parameter expected: How many events there were.
  func problems(expected: Int) -> [String: Int] {
    var problems: [String: Int] = [:]
    if events < expected { problems["no entry in the feed"] = expected - events }
    if events > expected { problems["an entry that nobody expected"] = events - expected }
    if misplaced > 0 { problems["an entry out of its place"] = misplaced }
    if let end { problems["a subscription that ended (\(end))"] = 1 }
    return problems
  }
}
