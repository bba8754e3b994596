/// Which part of a history to show, and in which order.
public struct HistoryRange: Sendable, Hashable {
  /// Which way from `after`. The raw values are those of the contract (types.proto).
  public enum Direction: Int32, Sendable, Hashable {
    /// Ids greater than `after`, ascending.
    case forward = 1
    /// Ids less than `after`, descending; `after` 0 = from the last event.
    case backward = 2
  }

  /// An event id, 0 = none.
  public var after: Int64
  /// The most events that are shown; nil = no bound, 0 = no events.
  public var limit: Int32?
  /// Which side of `after` is meant, and the order of the answer.
  public var direction: Direction

  public init(after: Int64 = 0, limit: Int32? = nil, direction: Direction = .forward) {
    self.after = after
    self.limit = limit
    self.direction = direction
  }

  /// Everything, ascending.
  public static let all = HistoryRange()

  /// Throws `INVALID_ARGUMENT` for negative numbers; `field` is the range's path in the request.
  public func validate(field: String) throws(ProgressorError) {
    if after < 0 { throw .invalidArgument(field: "\(field).after", "must not be negative") }
    if let limit, limit < 0 {
      throw .invalidArgument(field: "\(field).limit", "must not be negative")
    }
  }

  /// The ids that the range selects of a history 1…`last`, nil = none. Anything beyond the ends is
  /// clipped; whether a forward `after` beyond the last is an error is the caller's to say. A
  /// negative number selects nothing.
  public func ids(last: Int64) -> ClosedRange<Int64>? {
    let count = limit.map(Int64.init) ?? Int64.max
    guard count > 0, last > 0, after >= 0 else { return nil }
    switch direction {
    case .forward:
      guard after < last else { return nil }
      let first = after + 1
      return first...(count > last - first ? last : first + count - 1)
    case .backward:
      let top = after == 0 ? last : min(after - 1, last)
      guard top >= 1 else { return nil }
      return (count >= top ? 1 : top - count + 1)...top
    }
  }

  /// What is wrong with events that were read for this range of a history 1…`last`, in words; nil =
  /// they are the ones that it selects, all of them and in its direction.
  public func fault(of events: [Event], last: Int64) -> String? {
    guard let ids = ids(last: last) else {
      return events.first.map { "event \($0.id) is not one of \(last)" }
    }
    var missing: Int64? = direction == .forward ? ids.lowerBound : ids.upperBound
    for event in events {
      guard let next = missing else { return "event \(event.id) is not one of \(last)" }
      if event.id != next { return "event \(next) of \(last) is missing" }
      switch direction {
      case .forward: missing = next < ids.upperBound ? next + 1 : nil
      case .backward: missing = next > ids.lowerBound ? next - 1 : nil
      }
    }
    return missing.map { "event \($0) of \(last) is missing" }
  }
}
