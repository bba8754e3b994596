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
  /// An answer that comes when its node has lost the shard.
  case answerOutlivedOwner
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
  /// The connection is lost, and the batch lands later, if the fence lets it: also after the writer
  /// has a new connection.
  case outcomeUnknownLate
  /// A transaction stays open in the middle, with its locks: a frozen client, a stopped backend.
  case transactionFrozen
  /// A writer's new session finds the lock of the old one's transaction.
  case raiseBlocked
  /// A takeover finds the lock of a frozen owner's transaction.
  case takeoverBlocked
  /// A content that the database does not take: SQLSTATE class 22, 23 or 54.
  case poisonedContent
  /// Somebody locks a machine's row for a while: no batch with it can be written, and others can.
  case commitOverdue
  /// Somebody locks the rows of many machines at once, for long.
  case rowsLocked
  /// There was no room to keep what cannot be written.
  case answerGivenUp
  case storageOutage
  /// A standby that lagged behind is promoted: acknowledged steps are missing.
  case databaseWentBack
  /// A node freezes with a batch on its way: its transaction stays open, and keeps others from
  /// taking the node over.
  case ownerFrozen
  case crash
  /// A crash between two effects of one turn.
  case crashAtEffect
  /// What was on its way to the database at a crash comes there later.
  case crashLanded
  case leaseLost
  case leaseLostLanded
  case leaseStarved
  /// The database's clock jumps ahead: every lease is over at once.
  case leasesExpired
  case shardMoved
  case nodeFrozen
  /// A loop of a node is late, and those of its other cores go on.
  case coreStalled
  case clockJump
  case requestFlood
  case namespaceChanged
  case namespacePaused
  case machinePaused
  case cancellation
  /// What the target of a message answers is not heard.
  case receiptLost
  case shortDeadline
  /// A namespace without machines is deleted: nodes hear of it in their own time.
  case namespaceDeleted

  /// Mean requests between two of those that strike by themselves; nil = drawn by occasion.
  var interval: Int64? {
    switch self {
    // Mostly there are machines, and nothing happens.
    case .namespaceDeleted: 100
    case .endpointOutage, .requestFlood: 400
    case .clockJump, .shardMoved, .namespacePaused, .coreStalled: 500
    case .rowsLocked, .crash, .crashAtEffect, .leaseLost, .leasesExpired, .nodeFrozen,
      .storageOutage:
      800
    case .namespaceChanged, .databaseWentBack: 1_500
    default: nil
    }
  }

  /// How likely by occasion, before the seed varies it.
  fileprivate var occasion: Double {
    switch self {
    case .processorTransient, .processorSlow, .loadSlow, .commitSlow, .shortDeadline: 0.08
    case .crashLanded, .leaseLostLanded: 0.5
    case .receiptLost: 0.05
    case .processorLate, .cancellation, .processorUnreachable, .processorLost: 0.04
    case .processorRefused, .processorFatal, .leaseStarved, .loadFailed: 0.03
    case .outcomeRepeated: 0.02
    case .processorUnusable, .answerInvalid, .commitDelayed: 0.015
    case .outcomeUnknownLanded, .outcomeUnknownRepeated, .outcomeUnknownLate: 0.02
    case .transactionFrozen, .commitOverdue: 0.01
    case .ownerFrozen: 0.5
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
  /// Those that were drawn, by kind: also such that may not strike.
  private var drawn: [Int]
  /// What was drawn and struck.
  private(set) var strikes: Set<Decisions.Strike> = []
  var isRecording = false
  /// Only these may strike; nil = all.
  var allowed: Set<Decisions.Strike>?
  /// False in the quiet phase.
  private(set) var isActive = true

  init(random: inout RandomSource) {
    rates = FaultKind.allCases.map { _ in 0 }
    counts = rates.map { _ in 0 }
    drawn = counts
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
    isActive && random.chance(rates[kind.rawValue]) && mayStrike(kind)
  }

  /// Whether a fault that was drawn strikes; counted if so.
  mutating func mayStrike(_ kind: FaultKind) -> Bool {
    guard isActive else { return false }
    drawn[kind.rawValue] += 1
    let strike = Decisions.Strike(kind: kind, ordinal: drawn[kind.rawValue])
    if let allowed, !allowed.contains(strike) { return false }
    counts[kind.rawValue] += 1
    if isRecording { strikes.insert(strike) }
    return true
  }

  /// Microseconds until a fault that strikes by itself does; nil = never in this run.
  func delay(until kind: FaultKind, arrivals: Int64, _ random: inout RandomSource) -> Int64? {
    guard isActive, let interval = kind.interval, rates[kind.rawValue] > 0 else { return nil }
    let mean = Double(interval * arrivals) / max(rates[kind.rawValue], 0.05)
    return random.within(1...Int64(mean * 2))
  }

  /// Something happened that follows from other faults.
  mutating func count(_ kind: FaultKind) { counts[kind.rawValue] += 1 }

  mutating func end() { isActive = false }
}
