import MachineModel
import TestThreads
import Testing

@testable import ProgressorSimulation

@Suite("Safeguards of the simulated database", .serialized, .ownThreads)
struct SafeguardTests {
  @Test(
    "A world that lacks one breaks a rule",
    arguments: [Safeguard.fenceLock, .fenceRaise, .fenceBeforeRead, .timelineCheck])
  func isNoticed(safeguard: Safeguard) {
    let seed = (UInt64(1)...300).first {
      Simulation(seed: $0, without: [safeguard]).run(inputs: 800).violation != nil
    }
    #expect(seed != nil)
  }

  @Test("Each has a name of its own by which it is switched off")
  func names() {
    #expect(Set(Safeguard.allCases.map(\.rawValue)).count == Safeguard.allCases.count)
  }
}
