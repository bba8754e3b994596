import ProgressorSimulation

/// Every scenario with something that goes wrong after each of its effects.
struct CrashRun {
  /// True when every run kept every rule.
  func run() -> Bool {
    var runs = 0
    var isFine = true
    for scenario in CrashScenario.all {
      let result = CrashSweep().run(scenario)
      runs += result.runs
      print("  \(scenario.name): \(result.effects) effects, \(result.runs) runs")
      guard let failure = result.failure else { continue }
      isFine = false
      for line in failure.trace { print(line) }
      print(
        "\(failure.scenario), \(failure.blow.rawValue) after effect \(failure.effect), breaks a "
          + "rule: \(failure.violation)")
    }
    print(
      "\(CrashScenario.all.count) scenarios, \(CrashSweep.Blow.allCases.count) blows after each "
        + "effect: \(runs) runs, \(isFine ? "every rule was kept" : "a rule was broken")")
    return isFine
  }
}
