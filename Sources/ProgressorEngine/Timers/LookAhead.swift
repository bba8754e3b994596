import MachineModel

/// What of the database's due machines is in the timer heap, and what to read next.
///
/// Everything due up to `coveredUntil` is in the heap, or in the machine in memory. What is
/// committed with an earlier time goes into the heap at once; what is later is found here in time.
struct LookAhead {
  private(set) var coveredUntil = Timestamp.earliest
  private var reading: DueQuery?
  /// Where the last page ended, when it was full.
  private var position: DuePosition?
  /// On `Moment.uptime`.
  private(set) var nextReadAt: Int64?
  private var mustRescan = false

  /// So early before the end of what the heap covers a page is read though the heap is full: else a
  /// timer that is set meanwhile would be found only when the heap has emptied, too late.
  private static let margin: Int64 = 2_000_000

  /// Starts from the beginning: shards were acquired, or entries were let go.
  mutating func rescan(at uptime: Int64) {
    if reading != nil {
      mustRescan = true
    } else {
      coveredUntil = .earliest
      position = nil
      nextReadAt = uptime
    }
  }

  /// The shards are lost. A read that is under way ends before another begins.
  mutating func stop() {
    if reading != nil { mustRescan = true }
    position = nil
    nextReadAt = nil
    coveredUntil = .earliest
  }

  /// Whether a machine that was just committed with this due time belongs into the heap now.
  func covers(_ due: Timestamp) -> Bool {
    if due <= coveredUntil { return true }
    if let reading { return due <= reading.until }
    return false
  }

  /// The query to send now, if it is time for one and the heap takes its page.
  mutating func begin(now: Moment, heapCount: Int, configuration: EngineConfiguration) -> DueQuery?
  {
    guard
      let at = wakeAt(now: now, heapCount: heapCount, configuration: configuration),
      at <= now.uptime
    else { return nil }
    let start =
      position
      ?? DuePosition(
        due: coveredUntil, shard: ShardID(.max), key: MachineKey(.max))
    let query = DueQuery(
      after: start.due == .earliest ? nil : start,
      until: now.wall.advanced(byMicroseconds: configuration.lookAhead),
      limit: configuration.lookAheadPage)
    reading = query
    nextReadAt = nil
    return query
  }

  /// A page was read; false = it belongs to nothing that was asked.
  mutating func ended(
    _ query: DueQuery, page: [DueMachine]?, now: Moment, configuration: EngineConfiguration
  ) -> Bool {
    guard reading == query else { return false }
    reading = nil
    if mustRescan {
      mustRescan = false
      rescan(at: now.uptime)
      return true
    }
    guard let page else {
      nextReadAt = now.uptime + 1_000_000
      return true
    }
    if page.count < query.limit {
      position = nil
      coveredUntil = max(coveredUntil, query.until)
      nextReadAt = now.uptime + configuration.lookAhead / 2
    } else if let last = page.last {
      position = last.position
      // What is due at the same time behind the page may enter the heap twice; nothing is left out.
      coveredUntil = max(coveredUntil, last.position.due)
      nextReadAt = now.uptime
    }
    return true
  }

  /// When a read is due that could begin: nil while one runs or the heap can take nothing more.
  func wakeAt(now: Moment, heapCount: Int, configuration: EngineConfiguration) -> Int64? {
    guard reading == nil, let at = nextReadAt, heapCount < configuration.maximumTimers else {
      return nil
    }
    let horizon = now.wall.advanced(byMicroseconds: LookAhead.margin)
    if heapCount < configuration.lookAheadPage || coveredUntil <= horizon { return at }
    let distance = coveredUntil.microseconds - horizon.microseconds
    return max(at, now.uptime.saturatingAdd(distance))
  }
}
