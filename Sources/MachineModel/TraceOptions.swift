/// How much is recorded of what happens to machines. The contract's `TraceLevel`.
public enum TraceLevel: Int32, Sendable, Hashable, CaseIterable {
  /// Nothing is recorded.
  case nothing = 1
  /// Starts, and everything but steps that were committed at once, and refusals.
  case changes = 2
  /// Everything but what changed nothing and was no refusal.
  case all = 3

  /// Whether something that ended so is recorded.
  public func records(_ outcome: StepOutcome, of kind: StepKind?) -> Bool {
    switch self {
    case .nothing: false
    case .changes:
      kind == .start || kind?.isDoneToIt ?? false
        || (outcome != .committed && outcome != .refused)
    case .all: true
    }
  }
}

/// What is kept of what happens to machines. A nil field means the documented default.
public struct TraceOptions: Sendable, Hashable {
  /// How much is recorded; default `changes`.
  public var level: TraceLevel?
  /// Microseconds that a record is kept, from when it is made; default 7 days.
  public var retention: Int64?

  /// How much is recorded, where `level` is nil.
  public static let defaultLevel = TraceLevel.changes
  /// Microseconds that a record is kept, where `retention` is nil.
  public static let defaultRetention: Int64 = 7 * 24 * 3600 * 1_000_000

  public init(level: TraceLevel? = nil, retention: Int64? = nil) {
    self.level = level
    self.retention = retention
  }
}
