import MachineModel
import TestThreads
import Testing

@testable import ProgressorSimulation

/// With every assertion of a debug build, which is slow: a sample. The release build goes through
/// all of them (`scripts/simulate --crashes`).
@Suite("Crashes at the effects", .serialized, .ownThreads)
struct CrashSweepTests {
  private static let stride = 32

  @Test(
    "Whatever goes wrong after an effect, each step is in the history once and nothing is stuck",
    arguments: CrashScenario.all.indices, [Int32(1), 3])
  func everyEffect(index: Int, cores: Int32) {
    let scenario = CrashScenario.all[index]
    let result = CrashSweep(cores: cores, stride: Self.stride).run(scenario)
    #expect(result.failure == nil, "\(scenario.name)")
    #expect(result.effects > 5)
    let all = result.effects * CrashSweep.Blow.allCases.count
    #expect((all / Self.stride - 8...all / Self.stride + 8).contains(result.runs - 1))
  }

  @Test("Unless a sample is asked for, every blow strikes after every effect")
  func isComplete() throws {
    let scenario = try #require(CrashScenario.all.first)
    let result = CrashSweep().run(scenario)
    #expect(result.runs == 1 + result.effects * CrashSweep.Blow.allCases.count)
  }

  @Test("A blow that breaks a rule is told with its place and its trace")
  func isNoticed() throws {
    let sweep = CrashSweep(without: [.fenceRaise])
    let first = try #require(CrashScenario.all.lazy.compactMap { sweep.run($0).failure }.first)
    #expect(first.effect > 0)
    #expect(first.violation.invariant == .ownerCommits)
    #expect(first.trace.contains { $0.contains("suffers: \(first.blow.rawValue)") })
  }
}
