import MachineModel
import TestThreads
import Testing

@testable import ProgressorSimulation

@Suite("Shrinker", .serialized, .ownThreads)
struct ShrinkerTests {
  static let inputs = 200

  /// A seed whose world breaks a rule when it lacks this safeguard: the first, or another when the
  /// engine or the worlds changed.
  private func failure(without safeguard: Safeguard, first: UInt64) -> UInt64? {
    ([first] + Array(1...300)).first {
      Simulation(seed: $0, without: [safeguard]).run(inputs: ShrinkerTests.inputs).violation != nil
    }
  }

  @Test("A run without the fence's lock shrinks to its smaller part and the open transaction")
  func shrinks() throws {
    let seed = try #require(failure(without: .fenceLock, first: 99))
    let shrinker = Shrinker(seed: seed, inputs: ShrinkerTests.inputs, without: [.fenceLock])
    let small = try #require(shrinker.shrink())
    let whole = Simulation(seed: seed, without: [.fenceLock]).run(inputs: ShrinkerTests.inputs)
    #expect(small.violation.invariant == whole.violation?.invariant)
    #expect(small.before > 100)
    #expect(small.after * 5 <= small.before, "\(small.before) to \(small.after)")
    #expect(small.trace.contains { $0.contains("stays open") })
    #expect(!small.trace.contains { $0.contains("wake at") })
  }

  @Test("The same failure shrinks to the same run, and that run fails again in the same way")
  func isDeterministic() throws {
    let seed = try #require(failure(without: .fenceRaise, first: 8))
    let shrinker = Shrinker(seed: seed, inputs: ShrinkerTests.inputs, without: [.fenceRaise])
    let first = try #require(shrinker.shrink())
    let second = try #require(shrinker.shrink())
    #expect(first.decisions == second.decisions)
    #expect(first.trace == second.trace)
    let again = Simulation(seed: seed, without: [.fenceRaise], decisions: first.decisions)
    #expect(again.run(inputs: .max).violation == first.violation)
  }

  @Test("A run that keeps every rule has nothing to be shrunk")
  func nothingToShrink() {
    #expect(Shrinker(seed: 1, inputs: 200).shrink() == nil)
  }

  @Test("A run with all of its own decisions is the same run")
  func allDecisions() {
    for seed in UInt64(1)...5 {
      let whole = Simulation(seed: seed)
      whole.recordDecisions()
      let report = whole.run(inputs: 500)
      let again = Simulation(seed: seed, without: [], decisions: report.decisions)
      #expect(again.run(inputs: .max).hash == report.hash)
    }
  }
}
