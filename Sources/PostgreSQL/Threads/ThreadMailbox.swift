import Synchronization

/// What waits for a thread, in order of arrival. Bounded; any thread puts in, one takes out.
final class ThreadMailbox<Item: Sendable>: Sendable {
  private struct State {
    /// What arrived since `taken` was filled.
    var arrived: [Item] = []
    /// What is taken next, the first one last: so that a piece is taken without moving the rest.
    var taken: [Item] = []
    var isClosed = false
    /// The owner of the mailbox was woken and has not emptied it since.
    var isSignalled = false
  }

  /// Readable while something may wait.
  let wakeup: Wakeup
  private let capacity: Int
  private let state = Mutex(State())

  init(capacity: Int) throws(PostgreSQLError) {
    self.capacity = capacity
    wakeup = try Wakeup()
  }

  /// Puts `item` in; wakes the owner once per turn, not once per item.
  func put(_ item: Item) -> Submission {
    let (submission, mustSignal) = state.withLock { state -> (Submission, Bool) in
      if state.isClosed { return (.stopped, false) }
      if state.arrived.count + state.taken.count >= capacity { return (.full, false) }
      state.arrived.append(item)
      defer { state.isSignalled = true }
      return (.accepted, !state.isSignalled)
    }
    if mustSignal { wakeup.signal() }
    return submission
  }

  /// Takes the first items out, `limit` at the most; fewer do not mean that no more wait.
  func take(atMost limit: Int) -> (items: [Item], isClosed: Bool) {
    state.withLock { state in
      if state.taken.isEmpty {
        if state.arrived.count <= limit {
          // A signal that is still under way wakes the owner once for nothing.
          wakeup.drain()
          state.isSignalled = false
          return (exchange(&state.arrived, with: []), state.isClosed)
        }
        state.taken = state.arrived.reversed()
        state.arrived = []
      }
      let items = Array(state.taken.suffix(limit).reversed())
      state.taken.removeLast(items.count)
      if state.taken.isEmpty { state.taken = [] }
      return (items, state.isClosed)
    }
  }

  /// Refuses everything from now on; what waits stays to be taken.
  func close() {
    state.withLock { $0.isClosed = true }
    wakeup.signal()
  }
}

/// What became of an item that was handed to a thread.
public enum Submission: Hashable, Sendable {
  /// It will be handed to the thread's body.
  case accepted
  /// The mailbox is at its limit; nothing happened.
  case full
  /// The thread was told to stop; nothing happened.
  case stopped
}
