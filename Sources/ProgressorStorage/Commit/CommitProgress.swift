import Synchronization

/// Since when each writer works on its batch, or when the database last said that it takes none from
/// anybody, for the lease keeper: a node whose commits are stuck must not keep its lease alive. Times
/// on `LocalClock.uptime`.
final class CommitProgress: Sendable {
  private struct State {
    var began: [Int: Int64] = [:]
    var delayed: Set<Int> = []
  }

  private let state = Mutex(State())

  func begin(slot: Int, at time: Int64) {
    state.withLock { $0.began[slot] = time }
  }

  /// The database does not take the batch of this slot.
  func delay(slot: Int) {
    state.withLock { _ = $0.delayed.insert(slot) }
  }

  func end(slot: Int) {
    state.withLock { state in
      state.began[slot] = nil
      state.delayed.remove(slot)
    }
  }

  var isDelayed: Bool { state.withLock { !$0.delayed.isEmpty } }

  /// When the oldest batch in flight was begun; nil = none is.
  var oldest: Int64? { state.withLock { $0.began.values.min() } }
}
