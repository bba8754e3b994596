import MachineModel
import Testing

@testable import progressor

@Suite("Counts and queues for people and programs")
struct CountOutputTests {
  private let counts = [
    StatusCount(status: .any, count: 100_000, isCapped: true),
    StatusCount(status: .late, count: 7, isCapped: false),
  ]

  @Test("each filter is a line, and what is capped has a plus")
  func counted() {
    #expect(
      CountOutput.lines(counts, width: nil).map(\.text)
        == ["STATUS\tMACHINES", "any\t100000+", "late\t7"])
    let json = CountOutput.value(counts).text()
    #expect(json.contains("STATUS_FILTER_UNSPECIFIED") && json.contains("\"100000\""))
    #expect(json.contains("STATUS_FILTER_LATE") && json.contains("\"capped\": false"))
  }

  @Test("a queued notification says how it fares, and what is not tried has no code")
  func queued() {
    let at = Timestamp(microseconds: 0)
    let head = PendingNotification(
      notificationID: "0-1", acceptedAt: at, args: Array("a\nb".utf8), attempt: 2,
      nextAttemptAt: at, lastCode: 14, lastMessage: "busy\u{1B}[2J")
    #expect(
      NotificationOutput.row(head).map(\.text) == [
        "0-1", "1970-01-01T00:00:00Z", "2", "1970-01-01T00:00:00Z", "UNAVAILABLE",
        #"busy\u{1b}[2J"#, #"a\nb"#,
      ])
    let next = PendingNotification(notificationID: "0-2", acceptedAt: at)
    #expect(
      NotificationOutput.row(next).map(\.text) == [
        "0-2", "1970-01-01T00:00:00Z", "0", "-", "-", "-", "(empty)",
      ])
    let json = NotificationOutput.value(head).text()
    #expect(json.contains("\"lastCode\": 14") && json.contains("\"argsText\": \"a\\nb\""))
    #expect(!NotificationOutput.value(next).text().contains("lastCode"))
  }
}
