/// Everything that a run may suffer. Each is counted, so that a set of seeds shows what it proved.
public enum FaultKind: Int, Sendable, Hashable, CaseIterable {
  case processorTransient
  case processorRefused
  case processorFatal
  case processorUnusable
  case processorUnreachable
  case processorLost
  case processorSlow
  /// An answer that comes in the moments around its deadline or after it.
  case processorLate
  /// An outcome that reaches the engine twice.
  case outcomeRepeated
  /// An answer that decodes, and breaks a limit or a rule.
  case answerInvalid
  case machineTooLarge
  case endpointOutage
  case loadFailed
  case loadUnreadable
  case loadSlow
  case commitSlow
  case commitDelayed
  /// The connection is lost with a batch in flight that landed.
  case outcomeUnknownLanded
  /// The connection is lost with a batch in flight that did not land, and is written again.
  case outcomeUnknownRepeated
  /// A content that the database does not take: SQLSTATE class 22, 23 or 54.
  case poisonedContent
  case storageOutage
  case crash
  case crashLanded
  case leaseLost
  case leaseLostLanded
  case leaseStarved
  case shardMoved
  case nodeFrozen
  case clockJump
  case requestFlood
  case namespaceChanged
  case cancellation
  case shortDeadline

  /// Mean requests between two of those that strike by themselves; nil = drawn by occasion.
  var interval: Int64? {
    switch self {
    case .endpointOutage, .requestFlood: 400
    case .clockJump, .shardMoved: 500
    case .crash, .leaseLost, .nodeFrozen, .storageOutage: 800
    case .namespaceChanged: 1_500
    default: nil
    }
  }

  /// How likely by occasion, before the seed varies it.
  fileprivate var occasion: Double {
    switch self {
    case .processorTransient, .processorSlow, .loadSlow, .commitSlow, .shortDeadline: 0.08
    case .crashLanded, .leaseLostLanded: 0.5
    case .processorLate, .cancellation, .processorUnreachable, .processorLost: 0.04
    case .processorRefused, .processorFatal, .leaseStarved, .loadFailed: 0.03
    case .outcomeRepeated: 0.02
    case .processorUnusable, .answerInvalid, .commitDelayed: 0.015
    case .outcomeUnknownLanded, .outcomeUnknownRepeated: 0.02
    case .poisonedContent, .machineTooLarge: 0.005
    case .loadUnreadable: 0.002
    default: 0
    }
  }
}

/// How often which fault strikes: drawn from the seed, faults left out altogether included, so that
/// no two seeds see the same world (swarm testing).
struct FaultPlan: Sendable {
  private var rates: [Double]
  private(set) var counts: [Int]
  /// False in the quiet phase.
  private(set) var isActive = true

  init(random: inout RandomSource) {
    rates = FaultKind.allCases.map { _ in 0 }
    counts = rates.map { _ in 0 }
    for kind in FaultKind.allCases {
      let left = random.chance(0.35)
      let factor = random.fraction() * (random.chance(0.15) ? 6 : 2)
      let base = kind.interval == nil ? kind.occasion : 1
      rates[kind.rawValue] = left ? 0 : base * factor
    }
  }

  /// A plan in which nothing goes wrong.
  static var none: FaultPlan {
    var random = RandomSource(seed: 0)
    var plan = FaultPlan(random: &random)
    plan.isActive = false
    return plan
  }

  /// Whether the fault strikes on this occasion; counted if so.
  mutating func strikes(_ kind: FaultKind, _ random: inout RandomSource) -> Bool {
    guard isActive, random.chance(rates[kind.rawValue]) else { return false }
    counts[kind.rawValue] += 1
    return true
  }

  /// Microseconds until a fault that strikes by itself does; nil = never in this run.
  func delay(until kind: FaultKind, arrivals: Int64, _ random: inout RandomSource) -> Int64? {
    guard isActive, let interval = kind.interval, rates[kind.rawValue] > 0 else { return nil }
    let mean = Double(interval * arrivals) / max(rates[kind.rawValue], 0.05)
    return random.within(1...Int64(mean * 2))
  }

  mutating func count(_ kind: FaultKind) { counts[kind.rawValue] += 1 }

  mutating func end() { isActive = false }
}
