/// How late a probe is that ought to run at regular times on an event loop. Times are nanoseconds
/// of one clock.
///
/// A loop that stands still for a second runs one late probe afterwards, where twenty were due. All
/// of them count, each with its own delay: so a quantile is one of moments in time, and not of
/// whatever still ran.
struct LoopLatency {
  /// Between two probes.
  static let interval: Int64 = 50_000_000
  /// The most probes that count of one delay, the latest ones: a minute's.
  static let maximumAtOnce: Int64 = 1_200

  private var due: Int64

  init(startingAt now: Int64) {
    due = now + LoopLatency.interval
  }

  /// The probe ran. Calls `record` with the lateness of each probe that was due; the next one is
  /// due an interval from now.
  mutating func ran(at now: Int64, record: (Int64) -> Void) {
    let lateness = max(0, now - due)
    let missed = min(lateness / LoopLatency.interval, LoopLatency.maximumAtOnce - 1)
    for probe in 0...missed { record(lateness - probe * LoopLatency.interval) }
    due = now + LoopLatency.interval
  }
}
