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
      attempts: 1)
    let text = MachineText.lines(machine(.failed(failure))).joined(separator: "\n")
    #expect(text.contains("failed"))
    #expect(text.contains("out of stock"))
    #expect(text.contains("call, INTERNAL, attempts: 1"))
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
    #expect(lines.contains { $0.contains("1, 0 of them shown") })
  }

  @Test("what a terminal could take for a command is shown as base64")
  func controlCharacters() {
    #expect(PayloadText.line([0x1B, 0x5B]) == "base64:G1s=")
    #expect(PayloadText.line([]) == "(empty)")
  }
}
