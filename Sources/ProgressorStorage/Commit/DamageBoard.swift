import Logging
import ProgressorEngine
import Synchronization

/// What all writers know of damage in the database. Said in the log when it is the database's
/// trouble, and when it is no more.
final class DamageBoard: Sendable {
  private struct State {
    var trials: DamageTrials
    var isWidespread = false
    /// Told whether all is well, at each change of that.
    var onChange: (@Sendable (Bool) -> Void)?
  }

  private let state: Mutex<State>
  private let logger: Logger

  init(configuration: StorageConfiguration, logger: Logger) {
    let patience = configuration.damagePatience.microseconds
    state = Mutex(State(trials: DamageTrials(patience: patience)))
    self.logger = logger
  }

  var isWidespread: Bool { state.withLock { $0.isWidespread } }

  /// A step of this machine met damage, alone, while others can be written.
  func meets(_ record: CommitRecord, at now: Int64) -> DamageTrials.Verdict {
    state.withLock { state in
      let verdict = state.trials.meets(record.subject, at: now)
      look(&state, at: now)
      return verdict
    }
  }

  func passed(_ record: CommitRecord, at now: Int64) {
    state.withLock { state in
      if state.trials.isEmpty { return }
      state.trials.passed(record.subject)
      look(&state, at: now)
    }
  }

  /// Looks whether it is over; to be called now and then.
  func look(at now: Int64) {
    state.withLock { look(&$0, at: now) }
  }

  private func look(_ state: inout State, at now: Int64) {
    let isWidespread = state.trials.isWidespread(at: now)
    if isWidespread == state.isWidespread { return }
    state.isWidespread = isWidespread
    if isWidespread {
      logger.critical(
        "the database meets damage in many machines: their steps are kept, and none of them fails",
        metadata: ["machines": "\(DamageTrials.machines)"])
    } else {
      logger.notice("the database meets damage in few machines or none")
    }
    state.onChange?(!isWidespread)
  }

  /// Tells `body` whether all is well, now and at each change. It must not block, nor ask back.
  func follow(_ body: @escaping @Sendable (Bool) -> Void) {
    state.withLock { state in
      state.onChange = body
      body(!state.isWidespread)
    }
  }
}

extension CommitRecord {
  fileprivate var subject: DamageTrials.Subject { .init(shard: shard, key: key) }
}
