import MachineModel
import TestThreads
import Testing

@testable import ProgressorSimulation

@Suite("Safeguards of the simulated database", .serialized, .ownThreads)
struct SafeguardTests {
  @Test(
    "A world that lacks one breaks a rule",
    arguments: [
      (Safeguard.fenceLock, UInt64(12)), (.fenceRaise, 8), (.fenceBeforeRead, 8),
      (.timelineCheck, 723),
    ])
  func isNoticed(safeguard: Safeguard, first: UInt64) {
    // When the engine or the worlds changed, the search takes longer.
    let seed = ([first] + Array(1...300)).first {
      Simulation(seed: $0, without: [safeguard]).run(inputs: 200).violation != nil
    }
    #expect(seed != nil)
  }

  @Test("Each has a name of its own by which it is switched off")
  func names() {
    #expect(Set(Safeguard.allCases.map(\.rawValue)).count == Safeguard.allCases.count)
  }
}
