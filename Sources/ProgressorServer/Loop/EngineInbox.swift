import ProgressorEngine
import Synchronization

/// What other threads hand to the engine, until its loop takes it all at once.
///
/// Bounded: requests by their limit; answers of storage and processors by what the engine asked
/// for; cancellations by the requests.
final class EngineInbox: Sendable {
  enum Entry: Sendable {
    case input(Input)
    case request(Request, any ReplyTarget)
  }

  private struct State {
    var entries: [Entry] = []
    var requests = 0
    var isAnnounced = false
    var refused: UInt64 = 0
    var isClosed = false
  }

  private let state = Mutex(State())
  private let maximumRequests: Int

  init(maximumRequests: Int) {
    self.maximumRequests = maximumRequests
  }

  /// Leaves inputs; true when the caller must wake the loop.
  func put(_ inputs: [Input]) -> Bool {
    state.withLock { state in
      if state.isClosed { return false }
      for input in inputs { state.entries.append(.input(input)) }
      return announce(&state)
    }
  }

  /// Leaves one input; true when the caller must wake the loop.
  func put(_ input: Input) -> Bool {
    state.withLock { state in
      if state.isClosed { return false }
      state.entries.append(.input(input))
      return announce(&state)
    }
  }

  /// Leaves a request; nil = refused, there are too many; true when the caller must wake the loop.
  func put(_ request: Request, _ target: any ReplyTarget) -> Bool? {
    state.withLock { state in
      if state.isClosed || state.requests >= maximumRequests {
        state.refused += 1
        return nil
      }
      state.requests += 1
      state.entries.append(.request(request, target))
      return announce(&state)
    }
  }

  /// Swaps what is there for `empty`, whose storage is used again.
  func take(_ empty: inout [Entry]) {
    state.withLock { state in
      swap(&state.entries, &empty)
      state.requests = 0
      state.isAnnounced = false
    }
  }

  /// Takes what is there for the last time: from now on requests are refused, and everything else
  /// is dropped.
  func close(_ empty: inout [Entry]) {
    take(&empty)
    state.withLock { $0.isClosed = true }
  }

  /// Requests that were refused so far.
  var refused: UInt64 { state.withLock { $0.refused } }

  private func announce(_ state: inout State) -> Bool {
    if state.isAnnounced { return false }
    state.isAnnounced = true
    return true
  }
}
