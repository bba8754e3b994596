import Dispatch
import ProgressorEngine
import Synchronization

/// Takes what storage delivers; tests wait for what they expect.
final class Inbox: Sendable {
  struct Missing: Error, CustomStringConvertible {
    var description: String
  }

  private struct State {
    var inputs: [Input] = []
    /// Each is called on a new input until one answers true: it has taken it, and waits no more.
    var waiters: [@Sendable (Input) -> Bool] = []
  }

  private let state = Mutex(State())

  @Sendable func deliver(_ input: Input) {
    state.withLock { state in
      if let index = state.waiters.firstIndex(where: { $0(input) }) {
        state.waiters.remove(at: index)
      } else {
        state.inputs.append(input)
      }
    }
  }

  /// Everything that nobody has waited for.
  var rest: [Input] { state.withLock { $0.inputs } }

  /// Takes the first input that `match` reads, waiting for it if it has not come yet.
  func next<Value: Sendable>(
    _ what: String, within limit: Duration = .seconds(30),
    _ match: @escaping @Sendable (Input) -> Value?
  ) async throws -> Value {
    let outcome: Result<Value, Missing> = await withCheckedContinuation { continuation in
      let once = Once(continuation)
      state.withLock { state in
        for (index, input) in state.inputs.enumerated() {
          guard let value = match(input) else { continue }
          state.inputs.remove(at: index)
          once.resume(.success(value))
          return
        }
        state.waiters.append { input in
          guard let value = match(input) else { return false }
          return once.resume(.success(value))
        }
        let seconds = Int(limit.components.seconds)
        DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(seconds)) {
          once.resume(.failure(Missing(description: "no \(what) came in \(limit)")))
        }
      }
    }
    return try outcome.get()
  }
}

/// A continuation that several may want to resume.
private final class Once<Value: Sendable>: Sendable {
  private let continuation: Mutex<CheckedContinuation<Value, Never>?>

  init(_ continuation: CheckedContinuation<Value, Never>) {
    self.continuation = Mutex(continuation)
  }

  /// False when it was resumed before.
  @discardableResult
  func resume(_ value: sending Value) -> Bool {
    let waiting = continuation.withLock { continuation in
      defer { continuation = nil }
      return continuation
    }
    waiting?.resume(returning: value)
    return waiting != nil
  }
}

/// Waits until `condition` holds, for what nobody announces.
func eventually(
  _ what: String, within limit: Duration = .seconds(60), _ condition: () async throws -> Bool
) async throws {
  let end = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < end else { throw Inbox.Missing(description: "never \(what)") }
    await Task.yield()
  }
}
