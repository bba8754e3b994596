import Synchronization

/// The calls of one connection that are open on the wire or still worked on: what the limit of
/// concurrent calls counts, so that a client that resets its calls has no more of them running than
/// another (CVE-2023-44487).
final class RunningCalls: Sendable {
  private let taken = Atomic<Int>(0)

  /// How many there are.
  var count: Int { taken.load(ordering: .relaxed) }

  /// Takes one more in; nil when there are `limit` already. Not from several threads at once.
  func permit(limit: Int) -> CallPermit? {
    guard count < limit else { return nil }
    taken.wrappingAdd(1, ordering: .relaxed)
    return CallPermit(self)
  }

  fileprivate func giveBack() {
    taken.wrappingSubtract(1, ordering: .relaxed)
  }
}

/// One call's place among `RunningCalls`. There is one of it, so it can be given back only once: by
/// letting go of it, on any thread.
struct CallPermit: ~Copyable, Sendable {
  private let calls: RunningCalls

  fileprivate init(_ calls: RunningCalls) {
    self.calls = calls
  }

  deinit {
    calls.giveBack()
  }
}
