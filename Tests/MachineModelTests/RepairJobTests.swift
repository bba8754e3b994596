import MachineModel
import Testing

@Suite("Specs of repair jobs")
struct RepairJobTests {
  private let example = RepairJobSpec(
    namespace: "n", failedSince: Timestamp(microseconds: 5),
    failedUntil: Timestamp(microseconds: 5), idPrefix: String(repeating: "x", count: 256),
    failureContains: String(repeating: "x", count: 4_096),
    method: .processor(args: [UInt8](repeating: 0, count: 16 << 10)), rate: 10_000,
    reason: String(repeating: "x", count: 4_096),
    requestedBy: String(repeating: "x", count: 256))

  @Test("Values up to their bounds are valid")
  func bounds() {
    #expect(example.fault == nil)
  }

  struct Mistake: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var make: @Sendable (inout RepairJobSpec) -> Void

    init(_ field: String, _ make: @escaping @Sendable (inout RepairJobSpec) -> Void) {
      testDescription = field
      self.make = make
    }
  }

  @Test(
    "A value that cannot be names its field",
    arguments: [
      Mistake("namespace") { $0.namespace = "" },
      Mistake("failed_until") { $0.failedUntil = Timestamp(microseconds: 4) },
      Mistake("id_prefix") { $0.idPrefix += "x" },
      Mistake("failure_contains") { $0.failureContains += "x" },
      Mistake("processor.args") {
        $0.method = .processor(args: [UInt8](repeating: 0, count: (16 << 10) + 1))
      },
      Mistake("rate") { $0.rate = -1 },
      Mistake("rate") { $0.rate = 10_001 },
      Mistake("reason") { $0.reason = "" },
      Mistake("reason") { $0.reason += "x" },
      Mistake("requested_by") { $0.requestedBy += "x" },
    ])
  func mistakes(mistake: Mistake) {
    var spec = example
    mistake.make(&spec)
    #expect(spec.fault?.field == mistake.testDescription)
  }

  @Test("No rate is the default rate")
  func rate() {
    var spec = example
    #expect(spec.effectiveRate == 10_000)
    spec.rate = 0
    #expect(spec.effectiveRate == RepairJobSpec.defaultRate)
  }
}
