/// What somebody waits for who asks for a machine.
public enum WaitCondition: Sendable, Hashable {
  /// It has an event with a greater id; 0 = any event.
  case afterEvent(Int64)
  /// It is failed or paused.
  case notWorking
}
