import DequeModule
import MachineModel

/// The newest events of a machine that are kept in memory: a suffix of its history without a gap.
struct HistoryWindow {
  private var events: Deque<Event> = []
  private(set) var bytes = 0
  private let maximumBytes: Int

  /// What an event takes beside its body, about.
  private static let overhead = 96

  static func bytes(of event: Event) -> Int { event.body.data.count + overhead }

  init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

  /// One that knows nothing yet.
  var emptied: HistoryWindow { HistoryWindow(maximumBytes: maximumBytes) }

  /// Appends committed events and lets the oldest go beyond the bound.
  mutating func append(_ newer: [Event]) {
    for event in newer {
      // What does not continue it is another suffix.
      if let last = events.last?.id, last != event.id - 1 {
        self = emptied
      }
      events.append(event)
      bytes += HistoryWindow.bytes(of: event)
    }
    while bytes > maximumBytes, let oldest = events.popFirst() {
      bytes -= HistoryWindow.bytes(of: oldest)
    }
    assert(bytes >= 0 && (!events.isEmpty || bytes == 0), "no bytes without events")
    assert(isWithoutGap, "the window is a suffix without a gap")
  }

  private var isWithoutGap: Bool {
    guard let first = events.first?.id, let last = events.last?.id else { return true }
    return last - first == Int64(events.count - 1)
  }

  /// Takes over what was read, without a gap, when it reaches to the machine's last event.
  mutating func adopt(_ read: [Event], last: Int64) {
    guard let first = read.first, let end = read.last, max(first.id, end.id) == last else { return }
    if let known = events.first?.id, known <= min(first.id, end.id) { return }
    events = []
    bytes = 0
    append(first.id <= end.id ? read : read.reversed())
    assert(events.isEmpty || events.last?.id == last, "what was read reaches to the last event")
  }

  /// Its bytes are not those of its events, or more than they may be.
  var isInconsistent: Bool {
    bytes != events.reduce(0) { $0 + HistoryWindow.bytes(of: $1) } || bytes > max(0, maximumBytes)
  }

  /// The events that `range` selects of a history 1…`last`, or nil when one of them is not here.
  func select(_ range: HistoryRange, last: Int64) -> [Event]? {
    guard let ids = range.ids(last: last) else { return [] }
    guard let first = events.first?.id, let end = events.last?.id, first <= ids.lowerBound,
      ids.upperBound <= end
    else { return nil }
    let slice = events[Int(ids.lowerBound - first)...Int(ids.upperBound - first)]
    return range.direction == .forward ? Array(slice) : slice.reversed()
  }
}
