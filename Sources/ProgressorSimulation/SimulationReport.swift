/// What came of a run.
public struct SimulationReport: Sendable {
  /// The seed of the run.
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
  /// Steps that became durable.
  public var committedSteps: Int
  /// Notifications whose signal was committed.
  public var deliveredNotifications: Int
  /// Timeouts that were committed.
  public var firedTimers: Int
  /// Engines of each node.
  public var cores: Int
  /// Messages between the cores of a node about permits.
  public var permitMessages: Int
  /// Requests of clients that got a reply.
  public var answeredRequests: Int
  /// What the run decided, if that was recorded.
  var decisions: Decisions
}
