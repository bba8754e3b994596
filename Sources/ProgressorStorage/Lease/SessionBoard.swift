import Logging
import MachineModel
import Synchronization

/// Which of the sessions that storage needs are missing, and why: a node without one of them cannot
/// do all that it is asked to. Said in the log when the first one is missing, and when none is any
/// more.
final class SessionBoard: Sendable {
  private struct State {
    /// Why, by name of the session.
    var missing: [ExactText: String] = [:]
    /// When the first of them went missing, on the local clock.
    var since: Int64 = 0
    /// Told whether all are there, at each change of that.
    var onChange: (@Sendable (Bool) -> Void)?
  }

  private let state = Mutex(State())
  private let logger: Logger

  init(logger: Logger) {
    self.logger = logger
  }

  var missingCount: Int { state.withLock { $0.missing.count } }

  func isThere(_ name: String) {
    state.withLock { state in
      guard state.missing.removeValue(forKey: ExactText(name)) != nil, state.missing.isEmpty else {
        return
      }
      let seconds = Double((LocalClock.uptime() - state.since) / 1_000) / 1_000
      logger.notice(
        "all sessions with the database are there again", metadata: ["away_seconds": "\(seconds)"])
      state.onChange?(true)
    }
  }

  func isMissing(_ name: String, _ cause: String) {
    state.withLock { state in
      let isFirst = state.missing.isEmpty
      state.missing[ExactText(name)] = cause
      guard isFirst else { return }
      state.since = LocalClock.uptime()
      logger.error(
        "a session with the database is missing: not all requests can be served",
        metadata: ["session": "\(name)", "error": "\(cause)"])
      state.onChange?(false)
    }
  }

  /// Tells `body` how it is now, and each time when that changes. It must not block, nor ask back.
  func follow(_ body: @escaping @Sendable (Bool) -> Void) {
    state.withLock { state in
      state.onChange = body
      body(state.missing.isEmpty)
    }
  }
}
