import DequeModule

/// Requests in the order in which they came. Answered ones are forgotten when they are in front, or
/// when more than half of the entries are such.
struct RequestArrivals {
  private struct Entry {
    let request: RequestID
    /// On `Moment.uptime`.
    let since: Int64
  }

  private var entries: Deque<Entry> = []

  /// With those that are answered already.
  var count: Int { entries.count }

  /// Entries that one look goes through: as many as may be answered beside some that are not.
  static let maximumLook = 4_096

  /// A request came, later than all before.
  mutating func append(
    _ request: RequestID, at uptime: Int64, live: Int, isLive: (RequestID) -> Bool
  ) {
    assert(entries.last.map { $0.since <= uptime } ?? true, "a request comes after all others")
    while let first = entries.first, !isLive(first.request) { entries.removeFirst() }
    entries.append(Entry(request: request, since: uptime))
    guard entries.count > 2 * live + 1_024 else { return }
    entries.removeAll { !isLive($0.request) }
  }

  /// Calls `body` with those that came before `uptime`, the oldest first, and when they came: no
  /// more of them than a look may go through.
  func forEach(before uptime: Int64, _ body: (RequestID, Int64) -> Void) {
    for entry in entries.prefix(Self.maximumLook) {
      Visits.note(1)
      guard entry.since < uptime else { return }
      body(entry.request, entry.since)
    }
  }
}
