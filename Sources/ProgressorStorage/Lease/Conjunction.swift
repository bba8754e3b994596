import Synchronization

/// Tells whether two things hold that are told apart, at first and at each change. From any thread.
final class Conjunction: Sendable {
  private struct State {
    var first = true
    var second = true
    var told: Bool?
  }

  private let state = Mutex(State())
  private let body: @Sendable (Bool) -> Void

  /// - Parameter body: called in the order of the changes; it must not block, nor ask back.
  init(_ body: @escaping @Sendable (Bool) -> Void) {
    self.body = body
  }

  func first(_ holds: Bool) { change { $0.first = holds } }

  func second(_ holds: Bool) { change { $0.second = holds } }

  private func change(_ change: (inout State) -> Void) {
    state.withLock { state in
      change(&state)
      let both = state.first && state.second
      if state.told == both { return }
      state.told = both
      body(both)
    }
  }
}
