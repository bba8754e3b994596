import Testing

@testable import ProgressorSimulation

@Suite("Seeds")
struct SeedTests {
  @Test("Every invariant holds in a fixed set of worlds", arguments: UInt64(1)...40)
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
    let first = Simulation(seed: seed).run(inputs: 2_000)
    let second = Simulation(seed: seed).run(inputs: 2_000)
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

  @Test("Together the worlds suffer every kind of fault, and do every kind of work")
  func everyFaultStrikes() {
    var faults: [FaultKind: Int] = [:]
    var steps = 0
    var notifications = 0
    var timers = 0
    var missing = FaultKind.allCases
    for seed in UInt64(100)...400 where !missing.isEmpty || timers <= 100 {
      let report = Simulation(seed: seed).run(inputs: 1_500)
      faults.merge(report.faults) { $0 + $1 }
      steps += report.committedSteps
      notifications += report.deliveredNotifications
      timers += report.firedTimers
      missing.removeAll { faults[$0, default: 0] > 0 }
    }
    #expect(missing.isEmpty)
    #expect(steps > 1_000)
    #expect(notifications > 100)
    #expect(timers > 100)
  }
}
