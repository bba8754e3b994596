import Synchronization

/// Wakes the one who waits for something to do. A ring that comes before the wait is not lost, and
/// many of them are one.
final class Doorbell: Sendable {
  private struct State {
    var isSet = false
    var waiting: CheckedContinuation<Void, Never>?
  }

  private let state = Mutex(State())

  /// Returns at the next ring, or at once if there was one since the last wait. One at a time.
  func wait() async {
    await withCheckedContinuation { continuation in
      let isSet = state.withLock { state in
        assert(state.waiting == nil, "one waits at a time")
        defer { state.isSet = false }
        if !state.isSet { state.waiting = continuation }
        return state.isSet
      }
      if isSet { continuation.resume() }
    }
  }

  /// Returns at that time at the latest; nil = whenever it is rung.
  func wait(until end: ContinuousClock.Instant?) async {
    guard let end else { return await wait() }
    let alarm = Task {
      if (try? await Task.sleep(until: end)) != nil { ring() }
    }
    await wait()
    alarm.cancel()
  }

  /// From any thread.
  func ring() {
    let waiting = state.withLock { state -> CheckedContinuation<Void, Never>? in
      defer { state.waiting = nil }
      if state.waiting == nil { state.isSet = true }
      return state.waiting
    }
    waiting?.resume()
  }
}
