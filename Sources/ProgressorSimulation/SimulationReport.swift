/// What came of a run.
public struct SimulationReport: Sendable {
  public var seed: UInt64
  /// Inputs that engines handled.
  public var inputs: Int
  /// Virtual time that passed.
  public var microseconds: Int64
  /// Of every input and effect, in order: the same for the same seed.
  public var hash: UInt64
  /// nil = every invariant held.
  public var violation: Violation?
  /// The end of the trace, if it was recorded.
  public var lastLines: [String]
  /// How often each fault struck.
  public var faults: [FaultKind: Int]
  public var committedSteps: Int
  public var deliveredNotifications: Int
  public var firedTimers: Int
  public var answeredRequests: Int
  /// What the run decided, if that was recorded.
  var decisions: Decisions
}
