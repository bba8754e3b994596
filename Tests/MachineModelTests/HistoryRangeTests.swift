import MachineModel
import Testing

@Suite("HistoryRange")
struct HistoryRangeTests {
  @Test("What was read for a range is what it selects, or it is said what is missing")
  func faults() {
    func events(_ ids: [Int64]) -> [Event] {
      ids.map { Event(id: $0, createdAt: .earliest, body: Content(data: [])) }
    }
    let newest = HistoryRange(limit: 3, direction: .backward)
    #expect(HistoryRange.all.fault(of: events([1, 2, 3]), last: 3) == nil)
    #expect(newest.fault(of: events([5, 4, 3]), last: 5) == nil)
    #expect(HistoryRange.all.fault(of: [], last: 0) == nil)
    #expect(HistoryRange(limit: 0).fault(of: [], last: 7) == nil)
    #expect(HistoryRange(after: 9).fault(of: [], last: 7) == nil)
    let holes: [(HistoryRange, [Int64], Int64, String)] = [
      (.all, [1, 2, 4, 5], 5, "event 3 of 5 is missing"), (.all, [], 5, "event 1 of 5 is missing"),
      (.all, [1, 2], 5, "event 3 of 5 is missing"), (newest, [5, 3], 5, "event 4 of 5 is missing"),
      (newest, [5, 4], 5, "event 3 of 5 is missing"),
      (.all, [1, 2, 3], 2, "event 3 is not one of 2"),
      (.all, [1], 0, "event 1 is not one of 0"), (.all, [1, 1], 2, "event 2 of 2 is missing"),
    ]
    for (range, ids, last, fault) in holes {
      #expect(range.fault(of: events(ids), last: last) == fault)
    }
  }

  @Test("No numbers that a damaged row may have are a trap")
  func everyNumber() {
    let numbers: [Int64] = [.min, -1, 0, 1, 5, .max]
    for after in numbers {
      for limit in [Int32.min, -1, 0, 1, .max, nil] as [Int32?] {
        for last in numbers {
          for direction in [HistoryRange.Direction.forward, .backward] {
            let range = HistoryRange(after: after, limit: limit, direction: direction)
            if let ids = range.ids(last: last) { #expect(1...last ~= ids.lowerBound) }
          }
        }
      }
    }
  }

  @Test(
    "selects ids after `after`, ascending, clipped to the history",
    arguments: [
      (HistoryRange(), 10, 1...10),
      (HistoryRange(after: 3), 10, 4...10),
      (HistoryRange(after: 3, limit: 2), 10, 4...5),
      (HistoryRange(after: 9, limit: 100), 10, 10...10),
      (HistoryRange(limit: .max), 10, 1...10),
      (HistoryRange(after: .max - 1, limit: 5), .max, Int64.max...Int64.max),
    ] as [(HistoryRange, Int64, ClosedRange<Int64>)])
  func forward(_ range: HistoryRange, last: Int64, ids: ClosedRange<Int64>) {
    #expect(range.ids(last: last) == ids)
  }

  @Test(
    "selects ids before `after`, or from the last one, when backward",
    arguments: [
      (HistoryRange(direction: .backward), 10, 1...10),
      (HistoryRange(limit: 3, direction: .backward), 10, 8...10),
      (HistoryRange(after: 5, direction: .backward), 10, 1...4),
      (HistoryRange(after: 5, limit: 2, direction: .backward), 10, 3...4),
      (HistoryRange(after: 99, limit: 2, direction: .backward), 10, 9...10),
    ] as [(HistoryRange, Int64, ClosedRange<Int64>)])
  func backward(_ range: HistoryRange, last: Int64, ids: ClosedRange<Int64>) {
    #expect(range.ids(last: last) == ids)
  }

  @Test(
    "selects nothing of an empty history, with limit 0, or beyond the ends",
    arguments: [
      (HistoryRange(), 0), (HistoryRange(limit: 0), 10), (HistoryRange(after: 10), 10),
      (HistoryRange(after: 11), 10), (HistoryRange(after: 1, direction: .backward), 10),
      (HistoryRange(limit: 0, direction: .backward), 10),
    ] as [(HistoryRange, Int64)])
  func nothing(_ range: HistoryRange, last: Int64) {
    #expect(range.ids(last: last) == nil)
  }

  @Test("refuses negative numbers, naming the field")
  func negative() {
    let wrong = #expect(throws: ProgressorError.self) {
      try HistoryRange(after: -1).validate(field: "history_range")
    }
    #expect(wrong?.message.hasPrefix("history_range.after:") == true)
    #expect(wrong?.code == .invalidArgument)
    #expect(throws: ProgressorError.self) {
      try HistoryRange(limit: -1).validate(field: "history_range")
    }
  }
}
