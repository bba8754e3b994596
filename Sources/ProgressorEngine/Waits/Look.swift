import MachineModel

/// What a request wants to see of a machine, and when.
struct Look {
  /// What an answer waits for.
  enum Until {
    /// The machine has an event with a greater id.
    case event(after: Int64)
    /// It is failed or paused.
    case notWorking
    /// It is not what it was, or has an event with a greater id.
    case change(of: MachineMark, after: Int64)
  }

  let range: HistoryRange
  /// nil = nothing any more: it is answered at once.
  private(set) var until: Until?
  /// How long it waits at most. Microseconds.
  let patience: Int64
  /// It is a piece of a Watch: the answer says which state it shows.
  let isWatch: Bool
  /// A range that begins behind the last event shows nothing, and is no error: who waits for
  /// events may ask for those that do not come.
  let isClipped: Bool

  /// The longest that Get waits, and how long before its deadline it is answered: so that the
  /// answer comes in time. Microseconds.
  static let longest: Int64 = 60_000_000
  private static let margin: Int64 = 50_000

  init(
    range: HistoryRange, until: Until?, patience: Int64 = Look.longest, isWatch: Bool = false
  ) {
    self.range = range
    self.until = until
    self.patience = patience
    self.isWatch = isWatch
    isClipped = until != nil && !isWatch
  }

  init(_ query: WatchQuery) {
    self.init(
      range: HistoryRange(after: query.after, limit: query.limit),
      until: query.since.map { .change(of: $0, after: query.after) }, patience: query.patience,
      isWatch: true)
  }

  /// The most bytes of events that are read for it.
  var historyBytes: Int {
    isWatch && range.limit != 1 ? Look.pieceBytes : LoadRequest.maximumHistoryBytes
  }

  /// Of a Watch whose next events are large, one after the other; nil = it asks for no fewer.
  var narrowed: Look? {
    guard isWatch, range.limit != 1 else { return nil }
    var range = range
    range.limit = 1
    return Look(range: range, until: nil, patience: patience, isWatch: true)
  }

  private static let pieceBytes = 1 << 20

  /// The same at once.
  var now: Look {
    var look = self
    look.until = nil
    return look
  }

  /// Whether the machine is not yet what is waited for.
  func waits(for row: MachineRow) -> Bool {
    switch until {
    case nil: false
    case .event(let after)?: row.lastEventID <= after
    case .notWorking?: row.failure == nil && row.pause == nil
    case .change(let mark, let after)?: MachineMark(row) == mark && row.lastEventID <= after
    }
  }

  /// The same of a machine of which nothing but the row can be read: there is no event to be shown.
  func waitsForRow(_ row: MachineRow) -> Bool {
    if case .change(let mark, _)? = until { return MachineMark(row) == mark }
    return waits(for: row)
  }

  /// Until when it waits, on `Moment.uptime`.
  func end(from now: Int64, deadline: Int64) -> Int64 {
    min(deadline.saturatingAdd(-Look.margin), now.saturatingAdd(patience))
  }
}

extension Look.Until {
  init(_ condition: WaitCondition) {
    switch condition {
    case .afterEvent(let id): self = .event(after: id)
    case .notWorking: self = .notWorking
    }
  }
}
