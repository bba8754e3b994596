import MachineModel
import Testing

@testable import progressor

@Suite("Who fails, and why")
struct FailureCausesTests {
  private static func machine(
    _ id: String, _ reason: String, at seconds: Int64, namespace: String = "orders",
    code: Int32 = 13, step: StepKind = .call
  ) -> Machine {
    let failure = Failure(
      reason: reason, failedAt: Timestamp(microseconds: seconds * 1_000_000), stepKind: step,
      code: code, attempts: 1)
    return Machine(
      machineID: MachineID(namespace: namespace, id: id), status: .failed(failure),
      createdAt: .earliest)
  }

  @Test("machines of one namespace, code, step and reason are a row, the most frequent first")
  func groups() {
    var causes = FailureCauses()
    for machine in [
      Self.machine("a", "rare", at: 5), Self.machine("b", "usual\n", at: 9),
      Self.machine("c", "usual\n", at: 7), Self.machine("d", "usual\n", at: 8),
      Self.machine("e", "rare", at: 4, code: 14), Self.machine("f", "rare", at: 3, step: .timeout),
      Self.machine("g", "rare", at: 2, namespace: "other"),
    ] { causes.add(machine) }
    let rows = FailuresOutput.rows(causes).map { $0.map(\.text) }
    #expect(
      rows.first == [
        "orders", "3", "1970-01-01T00:00:07Z", "1970-01-01T00:00:09Z", "INTERNAL", "call", "b",
        "usual\\n",
      ])
    #expect(rows.map { $0[6] } == ["b", "a", "e", "f", "g"])
    #expect(causes.others == nil)
  }

  @Test("names that look alike are two")
  func alike() {
    var causes = FailureCauses()
    for name in ["\u{e9}", "e\u{301}", "\u{e9}"] {
      causes.add(Self.machine("a", name, at: 1, namespace: name))
    }
    #expect(causes.sorted.map(\.machines.count) == [2, 1])
  }

  @Test("what is beyond so many causes is one row, the last, and no cause that is known")
  func bound() throws {
    var causes = FailureCauses(maximum: 2)
    for (index, reason) in ["one", "two", "three", "four", "five", "one"].enumerated() {
      causes.add(Self.machine("m\(index)", reason, at: Int64(index)))
    }
    #expect(
      causes.sorted.map { "\($0.cause.reason.text) \($0.machines.count)" } == ["one 2", "two 1"])
    let last = try #require(FailuresOutput.rows(causes).last)
    #expect(last.map(\.text).prefix(2) == ["-", "3"] && last[7].text == "(all other causes)")
    let json = FailuresOutput.value(causes, leftOut: ["secret"]).line
    #expect(json.contains(#""others":{"machines":"3","#) && json.contains(#""leftOut":["secret"]"#))
  }

  @Test("a machine that works is not counted, and without any there are no rows")
  func none() {
    var causes = FailureCauses()
    var machine = Self.machine("m", "", at: 1)
    machine.status = .working(nil)
    causes.add(machine)
    #expect(FailuresOutput.rows(causes).isEmpty)
    #expect(FailuresOutput.value(causes, leftOut: []).line == #"{"causes":[]}"#)
  }
}
