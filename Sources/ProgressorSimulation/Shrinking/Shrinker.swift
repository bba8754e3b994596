package import MachineModel

/// Makes a failing run small enough to be read: leaves out requests and faults as long as the same
/// rule is still broken (delta debugging, Zeller and Hildebrandt 2002). The same failure always
/// shrinks to the same run.
public struct Shrinker {
  private let seed: UInt64
  private let inputs: Int
  private let without: Set<Safeguard>
  /// How many runs it may take.
  private let budget: Int

  /// A run that breaks a rule, with as few decisions as were found to do so.
  public struct Result: Sendable {
    /// The rule that is broken still.
    public let violation: Violation
    /// Requests and faults of the run as it was.
    public let before: Int
    /// Requests and faults of the run as it is now.
    public let after: Int
    /// What is left, in words.
    public let summary: String
    /// What happens in it, without what is routine.
    public let trace: [String]
    /// How many runs it took.
    public let runs: Int
    let decisions: Decisions
  }

  /// - Parameters:
  ///   - seed: of the run that broke a rule.
  ///   - inputs: how many inputs that run had before its quiet phase.
  ///   - budget: how many runs may be tried.
  public init(seed: UInt64, inputs: Int, budget: Int = 3_000) {
    self.init(seed: seed, inputs: inputs, budget: budget, without: [])
  }

  package init(seed: UInt64, inputs: Int, budget: Int = 3_000, without: Set<Safeguard>) {
    self.seed = seed
    self.inputs = inputs
    self.budget = budget
    self.without = without
  }

  /// nil when the run keeps every rule.
  public func shrink() -> Result? {
    let simulation = Simulation(seed: seed, without: without)
    simulation.recordDecisions()
    let first = simulation.run(inputs: inputs)
    guard let violation = first.violation else { return nil }
    var search = Search(
      shrinker: self, rule: violation.invariant, best: first.decisions, runs: 1)
    search.leaveOutKinds()
    search.leaveOutItems()
    search.endEarlier()
    let best = search.best
    let last = Simulation(seed: seed, without: without, decisions: best)
    last.recordBriefly()
    let report = last.run(inputs: .max)
    return Result(
      violation: report.violation ?? violation, before: first.decisions.items.count,
      after: best.items.count, summary: "\(best)", trace: report.lastLines, runs: search.runs,
      decisions: best)
  }

  private struct Search {
    let shrinker: Shrinker
    let rule: Invariant
    var best: Decisions
    var runs: Int

    /// Whether the rule is broken with these decisions; if so they are the best known.
    private mutating func breaks(_ candidate: Decisions) -> Bool {
      guard runs < shrinker.budget, candidate != best else { return false }
      runs += 1
      let simulation = Simulation(
        seed: shrinker.seed, without: shrinker.without, decisions: candidate)
      guard simulation.run(inputs: .max).violation?.invariant == rule else { return false }
      best = candidate
      return true
    }

    /// Whole kinds of faults first: most have nothing to do with it.
    mutating func leaveOutKinds() {
      for kind in FaultKind.allCases {
        var candidate = best
        candidate.strikes = candidate.strikes.filter { $0.kind != kind }
        _ = breaks(candidate)
      }
    }

    /// Then smaller and smaller parts, until no single item can be left out.
    mutating func leaveOutItems() {
      var size = max(1, best.items.count / 2)
      while true {
        let didShrink = leaveOut(partsOf: size)
        if size == 1, !didShrink || runs >= shrinker.budget { return }
        if !didShrink || size > best.items.count { size = max(1, size / 2) }
      }
    }

    private mutating func leaveOut(partsOf size: Int) -> Bool {
      var didShrink = false
      var start = 0
      while start < best.items.count {
        let items = best.items
        let part = items[start..<min(start + size, items.count)]
        if breaks(best.without(part)) { didShrink = true } else { start += size }
      }
      return didShrink
    }

    mutating func endEarlier() {
      for part in [8, 4, 2] as [Int64] {
        var candidate = best
        candidate.end = best.end / part
        if breaks(candidate) { return }
      }
    }
  }
}
