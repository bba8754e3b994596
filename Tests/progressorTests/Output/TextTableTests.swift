import MachineModel
import Testing

@testable import progressor

@Suite("Tables for people")
struct TextTableTests {
  private func machine(_ id: String, _ status: MachineStatus, pause: Pause? = nil) -> Machine {
    var machine = Machine(
      machineID: MachineID(namespace: "n", id: id), status: status, lastEventID: 7,
      createdAt: Timestamp(microseconds: 0))
    machine.pause = pause
    return machine
  }

  private let failure = Failure(
    reason: "out of stock\nat once", failedAt: Timestamp(microseconds: 1_500_000), stepKind: .call,
    code: 13, attempts: 1, principal: "alice")

  @Test("what reads it as text has tabs, a header, and everything")
  func piped() {
    var table = MachineTable(width: nil)
    let lines = table.lines([machine(String(repeating: "x", count: 200), .failed(failure))])
    #expect(lines[0].text == "ID\tSTATUS\tEVENTS\tQUEUED\tTIME\tCODE\tREASON\tSTEP\tBY")
    #expect(
      lines[1].text == String(repeating: "x", count: 200)
        + "\tfailed\t7\t0\t1970-01-01T00:00:01.500Z\tINTERNAL\tout of stock\\nat once\tcall\talice")
    #expect(
      table.lines([machine("b", .working(nil))]).map(\.text)
        == ["b\tworking\t7\t0\t-\t-\t-\t-\t-"])
  }

  @Test("a retry says when it is next, a pause since when it lasts")
  func facts() {
    let retrying = Retrying(
      stepKind: .timeout, attempt: 2, nextAttemptAt: Timestamp(microseconds: 0), lastCode: 14,
      lastMessage: "busy")
    let pause = Pause(
      pausedAt: Timestamp(microseconds: 0), reason: "why", principal: "bob")
    var table = MachineTable(width: nil)
    let lines = table.lines([
      machine("a", .working(retrying), pause: pause), machine("b", .working(nil), pause: pause),
    ])
    #expect(
      lines[1].text
        == "a\tretrying,paused\t7\t0\t1970-01-01T00:00:00Z\tUNAVAILABLE\tbusy\ttimeout\t-")
    #expect(lines[2].text == "b\tworking,paused\t7\t0\t1970-01-01T00:00:00Z\t-\twhy\t-\tbob")
  }

  @Test(
    "no line is wider than the terminal, and columns stand below each other", arguments: 20...200)
  func widths(width: Int) {
    var table = MachineTable(width: width)
    var lines = table.lines([
      machine(String(repeating: "長", count: 60), .failed(failure)), machine("b", .working(nil)),
    ])
    lines += table.lines([machine(String(repeating: "y", count: 256), .failed(failure))])
    for line in lines { #expect(TextTable.columns(line.text) <= width, "\(line.text)") }
    let places = lines.map { line in
      let text = line.text
      let found = ["STATUS", "failed", "working"].compactMap { text.firstRange(of: $0)?.lowerBound }
      return found.min().map { TextTable.columns(String(text[..<$0])) }
    }
    #expect(Set(places).count == 1)
    #expect(width < 80 || lines[1].text.contains("1970-01-01T00:00:01Z"))
    #expect(lines[1].text.hasSuffix("alice") == (width >= MachineTable.wide))
  }

  @Test("wide letters count twice, marks not at all")
  func columns() {
    #expect(TextTable.columns("a長é e\u{301}") == 6)
    #expect(TextTable.cut("長長長", to: 4) == "長…")
    #expect(TextTable.cut("abc", to: 3) == "abc")
  }
}
