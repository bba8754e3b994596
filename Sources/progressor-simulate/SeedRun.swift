import ProgressorSimulation

/// Runs seeds one after the other and says what they proved.
struct SeedRun {
  private let options: Options
  private var faults: [FaultKind: Int] = [:]
  private var inputs = 0
  private var steps = 0
  private var notifications = 0
  private var timers = 0
  private var virtualSeconds: Int64 = 0
  private var failures = 0
  /// Of all traces: two runs of the same seeds end with the same.
  private var hash: UInt64 = 0

  init(options: Options) { self.options = options }

  /// True when every seed kept every rule.
  mutating func runAll() -> Bool {
    let clock = ContinuousClock()
    let start = clock.now
    for offset in 0..<options.seeds {
      let seed = options.first + offset
      if options.seeds > 1, offset % 50 == 0 {
        print("seeds from \(seed) on …")
        flushOutput()
      }
      if !run(seed), !options.keepsGoing { break }
    }
    let elapsed = start.duration(to: clock.now)
    summarize(
      seconds: Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18)
    return failures == 0
  }

  private mutating func run(_ seed: UInt64) -> Bool {
    let simulation = Simulation(seed: seed)
    if options.trace { simulation.record { print($0) } }
    let report = simulation.run(inputs: options.steps)
    inputs += report.inputs
    steps += report.committedSteps
    notifications += report.deliveredNotifications
    timers += report.firedTimers
    virtualSeconds += report.microseconds / 1_000_000
    hash = hash &* 31 &+ report.hash
    faults.merge(report.faults) { $0 + $1 }
    guard let violation = report.violation else { return true }
    failures += 1
    if !options.trace { explain(seed) }
    print("seed \(seed) breaks a rule: \(violation)")
    print("again: progressor-simulate --seed \(seed) --steps \(options.steps) --trace")
    return false
  }

  /// The same run again, this time with its last lines.
  private func explain(_ seed: UInt64) {
    let simulation = Simulation(seed: seed)
    simulation.record(to: nil)
    for line in simulation.run(inputs: options.steps).lastLines.suffix(60) { print(line) }
  }

  private func summarize(seconds: Double) {
    for kind in FaultKind.allCases { print("  \(kind): \(faults[kind, default: 0])") }
    print(
      "\(options.seeds) seeds, \(failures) failed; \(inputs) inputs in \(seconds) s = "
        + "\(Int(Double(inputs) / max(seconds, 0.001)))/s; \(virtualSeconds) virtual seconds; "
        + "\(steps) steps committed, \(notifications) notifications delivered, "
        + "\(timers) timers fired; trace hash \(String(hash, radix: 16))")
  }
}
