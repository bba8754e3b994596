import MachineModel
import ProgressorEngine
import Testing

@testable import ProgressorServer

@Suite("Deadlines of callers that have none")
struct ProcessorTimeoutsTests {
  private func record(_ number: Int32, _ name: String, timeout: Int64?) -> NamespaceRecord {
    NamespaceRecord(
      number: NamespaceNumber(number),
      namespace: Namespace(
        name: name, processor: ProcessorOptions(endpoint: "h:1", timeout: timeout)))
  }

  @Test("they are 30 seconds and the processor's timeout, following the namespaces")
  func timeouts() {
    let timeouts = ProcessorTimeouts()
    #expect(timeouts.timeout(of: "a") == 60_000_000)
    timeouts.observe(.namespacesChanged([record(1, "a", timeout: 5_000_000)]))
    #expect(timeouts.timeout(of: "a") == 35_000_000)
    #expect(timeouts.timeout(of: "b") == 60_000_000)
    timeouts.observe(.namespacesChanged([record(2, "b", timeout: nil)]))
    #expect(timeouts.timeout(of: "a") == 60_000_000)
  }

  @Test("names that only look the same are two namespaces")
  func exactNames() {
    let timeouts = ProcessorTimeouts()
    timeouts.observe(
      .namespacesChanged([
        record(1, "\u{E0}", timeout: 1_000_000), record(2, "a\u{300}", timeout: 2_000_000),
      ]))
    #expect(timeouts.timeout(of: "\u{E0}") == 31_000_000)
    #expect(timeouts.timeout(of: "a\u{300}") == 32_000_000)
  }
}
