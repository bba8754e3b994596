import MachineModel
import Synchronization

/// Calls that wait for machines to change, Get with `wait` and Watch: so many at once. All of them
/// end when the server stops, so that none holds that up. From any thread.
final class WaitPlaces: Sendable {
  /// A call that has a place, to be left once.
  struct Place: Sendable {
    fileprivate let number: UInt64
  }

  private struct State {
    /// How each of them is ended.
    var ends: [UInt64: @Sendable (ProgressorError) -> Void] = [:]
    var lastNumber: UInt64 = 0
    var isStopping = false
    var refused = 0
  }

  /// What of them is used.
  struct Statistics: Sendable {
    var maximum: Int
    var used: Int
    /// Calls for which there was none.
    var refused: Int
  }

  private let maximum: Int
  /// What the calls are, for people.
  private let name: String
  private let state = Mutex(State())

  init(maximum: Int, of name: String = "calls that wait for machines to change, or watch them") {
    self.maximum = maximum
    self.name = name
  }

  var statistics: Statistics {
    state.withLock {
      Statistics(maximum: maximum, used: $0.ends.count, refused: $0.refused)
    }
  }

  /// Takes a place.
  ///
  /// - Parameter end: Ends the call with this error, for it is in the way of a stop. It leaves its
  ///   place as always.
  /// - Throws: OVERLOADED when all are taken, NOT_OWNER when the server stops.
  func enter(
    _ end: @escaping @Sendable (ProgressorError) -> Void
  ) throws(ProgressorError) -> Place {
    try state.withLock { state throws(ProgressorError) in
      if state.isStopping { throw .stopping }
      guard state.ends.count < maximum else {
        state.refused += 1
        throw .overloaded("too many \(name)")
      }
      state.lastNumber += 1
      state.ends[state.lastNumber] = end
      return Place(number: state.lastNumber)
    }
  }

  func leave(_ place: Place) {
    // What ends the call may hold what calls this.
    let end = state.withLock { $0.ends.removeValue(forKey: place.number) }
    _ = end
  }

  /// Nobody waits any more.
  func stop() {
    let ends = state.withLock { state in
      state.isStopping = true
      return Array(state.ends.values)
    }
    for end in ends { end(.stopping) }
  }
}

extension ProgressorError {
  /// As of a machine that another node has: that is what it will be.
  fileprivate static let stopping: ProgressorError = {
    var error = ProgressorError.notOwnerUnseen
    error.message = "the server is stopping: ask another one"
    return error
  }()
}
