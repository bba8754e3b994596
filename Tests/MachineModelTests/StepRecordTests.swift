import MachineModel
import Testing

@Suite("Records of steps") struct StepRecordTests {
  private static let id = "4bf92f3577b34da6a3ce929d0e0e4736"

  private func traceID(_ values: String...) -> String? {
    CallerContext(values.map { .init(name: "traceparent", value: $0) }).traceID
  }

  @Test("The trace id of a valid traceparent", arguments: ["00", "ff", "x-"])
  func parent(flags: String) {
    let value = "00-\(Self.id)-00f067aa0ba902b7-\(flags)"
    #expect(traceID(value) == (flags == "x-" ? nil : Self.id))
  }

  @Test("A later version may go on behind a dash, the present one not")
  func versions() {
    let rest = "-\(Self.id)-00f067aa0ba902b7-01"
    #expect(traceID("cc" + rest) == Self.id)
    #expect(traceID("cc" + rest + "-what") == Self.id)
    #expect(traceID("cc" + rest + "what") == nil)
    #expect(traceID("00" + rest + "-what") == nil)
    #expect(traceID("ff" + rest) == nil)
  }

  @Test(
    "No trace id of what is not valid",
    arguments: [
      "", "00", "00-\(id)-00f067aa0ba902b7", "00-\(id)-00f067aa0ba902b7-1",
      "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
      "00-\(id)-0000000000000000-01", "00-\(id.uppercased())-00f067aa0ba902b7-01",
      "00_\(id)-00f067aa0ba902b7-01", "00-\(id)é00f067aa0ba902b-01",
      "0-0\(id)-00f067aa0ba902b7-01",
    ])
  func invalid(value: String) {
    #expect(traceID(value) == nil)
  }

  @Test("None, where there are several") func several() {
    let value = "00-\(Self.id)-00f067aa0ba902b7-01"
    #expect(traceID(value, value) == nil)
    #expect(CallerContext([.init(name: "x-traceparent", value: value)]).traceID == nil)
  }

  @Test("A message has 4 KiB at most, and is cut between two characters")
  func message() {
    let record = StepRecord(
      sequence: 1, kind: .call, beganAt: .earliest, endedAt: .earliest, outcome: .failed,
      message: "a" + String(repeating: "é", count: 2_048) + "\0")
    #expect(record.message == "a" + String(repeating: "é", count: 2_047))
  }

  @Test("What each level records") func levels() {
    for kind in [StepKind.call, .notification, .timeout, .repair] {
      let recorded = StepOutcome.allCases.filter { TraceLevel.changes.records($0, of: kind) }
      #expect(recorded == [.retried, .failed, .repaired, .paused, .resumed])
    }
    #expect(TraceLevel.changes.records(.committed, of: .start))
    #expect(StepOutcome.allCases.allSatisfy { TraceLevel.all.records($0, of: .call) })
    #expect(!StepOutcome.allCases.contains { TraceLevel.nothing.records($0, of: .start) })
  }
}
