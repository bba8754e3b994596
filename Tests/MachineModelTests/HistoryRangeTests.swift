import MachineModel
import Testing

@Suite("HistoryRange")
struct HistoryRangeTests {
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
