import NIOCore
import Synchronization

/// Whether event loops take turns: each is asked for one, and asked again when all have answered.
public final class LoopPulse: Sendable {
  private let unanswered = Atomic<Int>(0)

  /// None was asked yet.
  public init() {}

  /// Whether all have answered what they were asked last; then they are asked anew. From one thread
  /// at a time.
  func beats(in loops: [any EventLoop]) -> Bool {
    guard unanswered.load(ordering: .acquiring) == 0 else { return false }
    unanswered.store(loops.count, ordering: .releasing)
    for loop in loops {
      loop.execute { [self] in unanswered.subtract(1, ordering: .releasing) }
    }
    return true
  }
}
