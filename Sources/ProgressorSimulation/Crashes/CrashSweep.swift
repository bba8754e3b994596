package import MachineModel

/// Something that goes wrong after the n-th effect, for every n, in every scenario: no moment is
/// left to chance.
public struct CrashSweep {
  /// What goes wrong.
  public enum Blow: String, Sendable, CaseIterable {
    /// The server is killed; what was on its way to the database is lost.
    case crash
    /// The server is killed; what was on its way to the database comes there.
    case crashLanded = "crash, the batch lands"
    /// The server is killed and stays away; another one takes over.
    case takeover = "crash and takeover"
    /// The server is frozen until another one has taken over, and then goes on.
    case freeze = "freeze and takeover"
    /// It freezes with its next batch, whose transaction stays open, until another one has taken
    /// over.
    case freezeInBatch = "freeze in the next batch"
    /// All its connections to the database are cut; what was on its way is lost.
    case cut = "connections cut"
    /// The same, and what was on its way comes to the database later.
    case cutLate = "connections cut, the batch lands later"
  }

  /// What came of a sweep over one scenario.
  public struct Result: Sendable {
    /// Runs in all, the undisturbed one included.
    public internal(set) var runs = 0
    /// Effects of the undisturbed run: the places at which a blow can strike.
    public internal(set) var effects = 0
    /// The first run that broke a rule, with its trace.
    public internal(set) var failure: Failure?
  }

  /// A run that broke a rule.
  public struct Failure: Sendable {
    /// The name of the scenario.
    public let scenario: String
    /// What struck it.
    public let blow: Blow
    /// After which effect.
    public let effect: Int
    /// The rule that it broke.
    public let violation: Violation
    /// What happened until then, a line each.
    public let trace: [String]
  }

  private let cores: Int32
  private let stride: Int
  private let without: Set<Safeguard>

  /// A sweep over a server and a database with every safeguard.
  ///
  /// - Parameter cores: How many engines the server has, 1 and up.
  public init(cores: Int32 = 1) { self.init(cores: cores, stride: 1, without: []) }

  /// - Parameters:
  ///   - stride: 1 = every blow strikes after every effect; more = a sample of one in so many, in
  ///     which each blow has effects of its own.
  ///   - without: safeguards that the database lacks, for tests of the tests.
  package init(cores: Int32 = 1, stride: Int = 1, without: Set<Safeguard> = []) {
    self.cores = cores
    self.stride = stride
    self.without = without
  }

  /// Every blow after every effect of the scenario, or the sample of them, until one breaks a rule.
  public func run(_ scenario: CrashScenario) -> Result {
    var result = Result()
    let whole = simulation(scenario, nil, 0)
    let undisturbed = whole.runScript()
    result.runs = 1
    result.effects = undisturbed.effects
    if undisturbed.violation != nil {
      result.failure = failure(scenario, .crash, 0)
      return result
    }
    for (index, blow) in Blow.allCases.enumerated() {
      for effect in 1...max(1, undisturbed.effects) where (effect + index) % stride == 0 {
        result.runs += 1
        guard simulation(scenario, blow, effect).runScript().violation != nil else { continue }
        result.failure = failure(scenario, blow, effect)
        return result
      }
    }
    return result
  }

  private func simulation(_ scenario: CrashScenario, _ blow: Blow?, _ effect: Int) -> Simulation {
    Simulation(scenario: scenario, blow: blow, effect: effect, cores: cores, without: without)
  }

  /// Once more, with the trace. Effect 0 = without any blow.
  private func failure(_ scenario: CrashScenario, _ blow: Blow, _ effect: Int) -> Failure? {
    let again = simulation(scenario, effect == 0 ? nil : blow, effect)
    again.recordBriefly()
    let (violation, _, trace) = again.runScript()
    return violation.map {
      Failure(
        scenario: scenario.name, blow: blow, effect: effect, violation: $0, trace: trace)
    }
  }
}
