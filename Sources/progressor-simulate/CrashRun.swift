import ProgressorSimulation

/// Every scenario with something that goes wrong after each of its effects, on servers with one
/// core and with several.
struct CrashRun {
  private static let places: [(cores: Int32, scenario: CrashScenario)] =
    CrashScenario.all.map { (1, $0) } + CrashScenario.all.map { (3, $0) }

  /// True when every run kept every rule.
  func run() -> Bool {
    var runs = 0
    var isFine = true
    for (cores, scenario) in CrashRun.places {
      let result = CrashSweep(cores: cores).run(scenario)
      runs += result.runs
      print(
        "  \(scenario.name), \(cores) cores: \(result.effects) effects, \(result.runs) runs")
      guard let failure = result.failure else { continue }
      isFine = false
      for line in failure.trace { print(line) }
      print(
        "\(failure.scenario), \(failure.blow.rawValue) after effect \(failure.effect), breaks a "
          + "rule: \(failure.violation)")
    }
    print(
      "\(CrashScenario.all.count) scenarios on 1 and 3 cores, "
        + "\(CrashSweep.Blow.allCases.count) blows after each effect: "
        + "\(runs) runs, \(isFine ? "every rule was kept" : "a rule was broken")")
    return isFine
  }
}
