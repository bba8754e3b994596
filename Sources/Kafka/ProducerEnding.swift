import Synchronization

/// That something has ended, which others wait for.
final class ProducerEnding: Sendable {
  private struct State {
    var hasEnded = false
    var waiting: [AsyncStream<Never>.Continuation] = []
  }

  private let state = Mutex(State())

  func signal() {
    let waiting = state.withLock { state in
      state.hasEnded = true
      return exchange(&state.waiting, with: [])
    }
    for continuation in waiting { continuation.finish() }
  }

  /// Answers whether it has ended within `limit`, and before the task is cancelled.
  func wait(atMost limit: Duration) async -> Bool {
    let (stream, continuation) = AsyncStream.makeStream(of: Never.self)
    let hasEnded = state.withLock { state in
      if !state.hasEnded { state.waiting.append(continuation) }
      return state.hasEnded
    }
    if hasEnded { return true }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { for await _ in stream {} }
      group.addTask { try? await Task.sleep(for: limit) }
      await group.next()
      group.cancelAll()
    }
    return state.withLock { $0.hasEnded }
  }
}
