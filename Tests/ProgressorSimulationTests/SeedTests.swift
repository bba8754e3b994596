import TestThreads
import Testing

@testable import ProgressorSimulation

@Suite("Seeds", .serialized, .ownThreads)
struct SeedTests {
  @Test("Every invariant holds in a fixed set of worlds", arguments: UInt64(1)...6)
  func invariantsHold(seed: UInt64) {
    let report = Simulation(seed: seed).run(inputs: 1_500)
    #expect(report.violation == nil, "progressor-simulate --seed \(seed) --steps 1500 --trace")
    #expect(report.inputs >= 1_000 || report.microseconds > 10_000_000)
  }

  /// Seeds that found a bug once, with the number of inputs that it took.
  static let foundBugs: [(seed: UInt64, inputs: Int)] = [
    (4, 3_000), (7, 3_000), (33, 3_000), (98, 3_000), (180, 3_000), (238, 3_000), (263, 3_000),
  ]

  @Test("Worlds that broke a rule once keep it now", arguments: foundBugs)
  func oldBugs(seed: UInt64, inputs: Int) {
    #expect(Simulation(seed: seed).run(inputs: inputs).violation == nil)
  }

  @Test(
    "The same seed gives the same run, to the last input", arguments: [UInt64(1), 2, 3, 11, 20])
  func sameSeedSameRun(seed: UInt64) {
    let first = Simulation(seed: seed).run(inputs: 1_000)
    let second = Simulation(seed: seed).run(inputs: 1_000)
    #expect(first.hash == second.hash)
    #expect(first.inputs == second.inputs)
    #expect(first.faults == second.faults)
  }

  @Test("Another seed gives another run")
  func otherSeedOtherRun() {
    #expect(
      Simulation(seed: 1).run(inputs: 500).hash != Simulation(seed: 2).run(inputs: 500).hash)
  }

  @Test("Recording the trace changes nothing of the run")
  func recordingChangesNothing() {
    let silent = Simulation(seed: 5).run(inputs: 1_000)
    let recorded = Simulation(seed: 5)
    recorded.record(to: nil)
    let report = recorded.run(inputs: 1_000)
    #expect(report.hash == silent.hash)
    #expect(silent.lastLines.isEmpty)
    #expect(report.lastLines.count == Trace.window)
  }

  /// Worlds in which what is rare happens. When they are others, because the engine or the worlds
  /// changed, the search takes longer, and these deserve to be chosen anew.
  private static let eventful: [UInt64] = [381, 274, 137, 270, 339, 301, 239, 269, 357]

  @Test("Together the worlds suffer every kind of fault, and do every kind of work")
  func everyFaultStrikes() {
    var missing = Set(FaultKind.allCases)
    var (steps, notifications, timers) = (0, 0, 0)
    for seed in Self.eventful + Array(1_000...1_300)
    where !missing.isEmpty || steps <= 300 || notifications <= 50 || timers <= 100 {
      let report = Simulation(seed: seed).run(inputs: 1_500)
      missing.subtract(report.faults.filter { $0.value > 0 }.keys)
      steps += report.committedSteps
      notifications += report.deliveredNotifications
      timers += report.firedTimers
    }
    #expect(missing.isEmpty)
    #expect(steps > 300 && notifications > 50 && timers > 100)
  }
}
