import MachineModel
import Testing

@testable import ProgressorSimulation

@Suite("Crashes at every effect")
struct CrashSweepTests {
  @Test(
    "Whatever goes wrong after any effect, each step is in the history once and nothing is stuck",
    arguments: CrashScenario.all.indices, [Int32(1), 3])
  func everyEffect(index: Int, cores: Int32) {
    let scenario = CrashScenario.all[index]
    let result = CrashSweep(cores: cores).run(scenario)
    #expect(result.failure == nil, "\(scenario.name)")
    #expect(result.effects > 5)
    #expect(result.runs == 1 + result.effects * CrashSweep.Blow.allCases.count)
  }

  @Test("A blow that breaks a rule is told with its place and its trace")
  func isNoticed() throws {
    let sweep = CrashSweep(without: [.fenceRaise])
    let failures = CrashScenario.all.compactMap { sweep.run($0).failure }
    let first = try #require(failures.first)
    #expect(first.effect > 0)
    #expect(first.violation.invariant == .ownerCommits)
    #expect(first.trace.contains { $0.contains("suffers: \(first.blow.rawValue)") })
  }
}
