import ProgressorSimulation

/// Runs many seeds, some at a time, and says what they proved. What it prints does not depend on
/// how many run at a time.
struct SeedRun {
  private let options: Options
  private var faults: [FaultKind: Int] = [:]
  private var inputs = 0
  private var steps = 0
  private var notifications = 0
  private var timers = 0
  private var virtualSeconds: Int64 = 0
  private var seeds = 0
  /// Those whose nodes have several cores, and the messages between these.
  private var manyCores = 0
  private var permitMessages = 0
  private var failed: [UInt64] = []
  /// Of all traces: two runs of the same seeds end with the same.
  private var hash: UInt64 = 0

  /// Seeds that one worker takes at a time.
  private static let share = 8

  init(options: Options) { self.options = options }

  /// True when every seed kept every rule.
  mutating func runAll() async -> Bool {
    let clock = ContinuousClock()
    let start = clock.now
    let last =
      options.first.addingReportingOverflow(options.seeds).overflow
      ? UInt64.max : options.first + options.seeds
    var next = options.first
    let round = UInt64(options.workers * SeedRun.share)
    while next < last, failed.isEmpty || options.keepsGoing {
      if options.seeds > 1, (next - options.first) % (64 * round) == 0 {
        print("seeds from \(next) on …")
        flushOutput()
      }
      let end = min(next + round, last)
      for report in await reports(of: next..<end) { count(report) }
      next = end
    }
    let elapsed = start.duration(to: clock.now)
    summarize(
      seconds: Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18)
    for seed in options.keepsGoing ? failed : Array(failed.prefix(1)) { shrink(seed) }
    return failed.isEmpty
  }

  /// In the order of the seeds.
  private func reports(of seeds: Range<UInt64>) async -> [SimulationReport] {
    let steps = options.steps
    return await withTaskGroup(of: [SimulationReport].self) { group in
      for worker in 0..<UInt64(options.workers) {
        group.addTask {
          stride(from: seeds.lowerBound + worker, to: seeds.upperBound, by: options.workers)
            .map { Simulation(seed: $0).run(inputs: steps) }
        }
      }
      var all: [SimulationReport] = []
      for await some in group { all += some }
      return all.sorted { $0.seed < $1.seed }
    }
  }

  private mutating func count(_ report: SimulationReport) {
    seeds += 1
    if report.cores > 1 { manyCores += 1 }
    permitMessages += report.permitMessages
    inputs += report.inputs
    steps += report.committedSteps
    notifications += report.deliveredNotifications
    timers += report.firedTimers
    virtualSeconds += report.microseconds / 1_000_000
    hash = hash &* 31 &+ report.hash
    faults.merge(report.faults) { $0 + $1 }
    guard let violation = report.violation else { return }
    failed.append(report.seed)
    print("seed \(report.seed) breaks a rule: \(violation)")
    print("again: progressor-simulate --seed \(report.seed) --steps \(options.steps) --trace")
  }

  /// The failure once more, as small as it gets.
  private func shrink(_ seed: UInt64) {
    guard options.shrinks else { return }
    print("shrinking seed \(seed) …")
    flushOutput()
    guard let small = Shrinker(seed: seed, inputs: options.steps).shrink() else { return }
    for line in small.trace { print(line) }
    print(
      "seed \(seed) with \(small.summary) (of \(small.before) requests and faults, after "
        + "\(small.runs) runs) breaks a rule: \(small.violation)")
  }

  private func summarize(seconds: Double) {
    for kind in FaultKind.allCases { print("  \(kind): \(faults[kind, default: 0])") }
    print(
      "\(seeds) seeds, \(failed.count) failed; \(manyCores) with several cores, "
        + "\(permitMessages) messages between them; \(FaultKind.allCases.count) kinds of faults, "
        + "\(faults.values.reduce(0, +)) of them; \(inputs) inputs in "
        + "\(seconds.rounded(to: 10)) s = \(Int(Double(inputs) / max(seconds, 0.001)))/s; "
        + "\(virtualSeconds) virtual seconds; "
        + "\(steps) steps committed, \(notifications) notifications delivered, "
        + "\(timers) timers fired; trace hash \(String(hash, radix: 16))")
  }
}

extension Double {
  /// To a fraction of one.
  fileprivate func rounded(to parts: Double) -> Double { (self * parts).rounded() / parts }
}

/// One seed with everything that happens in it.
enum TracedSeed {
  /// True when it keeps every rule.
  static func run(_ seed: UInt64, steps: Int) -> Bool {
    let simulation = Simulation(seed: seed)
    simulation.record { print($0) }
    guard let violation = simulation.run(inputs: steps).violation else { return true }
    print("seed \(seed) breaks a rule: \(violation)")
    return false
  }
}
