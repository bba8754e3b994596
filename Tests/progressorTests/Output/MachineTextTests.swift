import MachineModel
import Testing

@testable import progressor

@Suite("Machines for people")
struct MachineTextTests {
  private func machine(_ status: MachineStatus, shown: Int = 1) -> Machine {
    Machine(
      machineID: MachineID(namespace: "n", id: "a"),
      history: (0..<shown).map {
        Event(
          id: Int64($0) + 1, createdAt: Timestamp(microseconds: 0),
          body: Content(formatVersion: 3, data: Array("x\ny".utf8)))
      }, status: status, lastEventID: 1, createdAt: Timestamp(microseconds: 0))
  }

  @Test("a failed machine says why, in which step and with which code")
  func failed() {
    let failure = Failure(
      reason: "out of stock", failedAt: Timestamp(microseconds: 0), stepKind: .call, code: 13,
      attempts: 1, step: "c-1-2", principal: "alice")
    let text = MachineText.lines(machine(.failed(failure))).joined(separator: "\n").text
    #expect(text.contains("failed"))
    #expect(text.contains("out of stock"))
    #expect(text.contains("call, INTERNAL, attempts: 1"))
    #expect(text.contains("\n  step          c-1-2\n  asked by      alice\n"))
  }

  @Test(
    "a machine says what it waits for, and how long its queue is", arguments: WaitingOn.allCases)
  func waiting(on: WaitingOn) {
    var waiting = machine(.working(nil))
    waiting.waiting = Machine.Waiting(on: on, since: Timestamp(microseconds: 0))
    waiting.queuedNotifications = 12
    let text = MachineText.lines(waiting).joined(separator: "\n").text
    #expect(text.contains("waits") && text.contains("since 1970-01-01T00:00:00Z"))
    #expect(text.contains("12 notifications"))
    let json = MachineJSON.value(waiting).text()
    #expect(json.contains("WAITING_ON_\("\(on)".uppercased())"))
    #expect(json.contains("\"queuedNotifications\": 12"))
  }

  @Test("an event is one line, whatever its text holds")
  func event() {
    #expect(
      MachineText.lines(machine(.working(nil))).last
        == #"  1  1970-01-01T00:00:00Z  x\ny (format 3)"#)
  }

  @Test("a part of a history is said to be one")
  func part() {
    let lines = MachineText.lines(machine(.working(nil), shown: 0))
    #expect(lines.contains { $0.text.contains("1, 0 of them shown") })
  }

  @Test("what a terminal could take for a command is shown and not carried out, whosever it is")
  func controlCharacters() {
    let hostile = "\u{1B}[2J\u{9B}1m\u{202E}\r\n\tx"
    let visible = #"\u{1b}[2J\u{9b}1m\u{202e}\r\n\tx"#
    let failure = Failure(
      reason: hostile, failedAt: Timestamp(microseconds: 0), stepKind: .call, code: 13, attempts: 1,
      step: hostile, principal: hostile)
    let retrying = Retrying(
      stepKind: .timeout, attempt: 1, nextAttemptAt: Timestamp(microseconds: 0), lastCode: 14,
      lastMessage: hostile)
    for status in [MachineStatus.failed(failure), .working(retrying)] {
      var shown = machine(status)
      shown.machineID = MachineID(namespace: "n", id: hostile)
      shown.pause = Pause(pausedAt: Timestamp(microseconds: 0), reason: hostile, principal: hostile)
      shown.auxState = Content(data: Array(hostile.utf8))
      for line in MachineText.lines(shown) {
        #expect(line.text.unicodeScalars.filter(\.steersText).isEmpty, "\(line.text)")
      }
      let count = status.isFailed ? 6 : 4
      #expect(MachineText.lines(shown).filter { $0.text.contains(visible) }.count == count)
      let row = MachineTable.row(shown)
      #expect(row.first?.text == visible && row[6].text == visible)
      #expect(row.last?.text == (status.isFailed ? visible : "-"))
      #expect(row.allSatisfy { !$0.text.unicodeScalars.contains(where: \.steersText) })
    }
  }
}
