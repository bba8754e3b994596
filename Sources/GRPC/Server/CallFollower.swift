/// Goes with one call of a method that there is, from its header fields to its end. Handlers find
/// it in their request.
public protocol CallFollower: Sendable {
  /// The call was answered, or given up by its client (CANCELLED). Called once, on the event loop
  /// of the call's connection; must not block.
  func callEnded(_ call: CallSummary)
}
