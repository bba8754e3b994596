import Logging
import ProgressorEngine
import Synchronization

/// What all writers know of steps that cannot be written while others can be. Said in the log when
/// that is the database's trouble, and when it is no more.
final class DamageBoard: Sendable {
  private struct State {
    var trials: DamageTrials
    var isWidespread = false
    var isSpreading = false
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

  /// Many machines cannot be written, and more may follow.
  var isSpreading: Bool { state.withLock { $0.isSpreading } }

  /// What is wrong, for people; nil = no more than a few machines.
  var problem: String? {
    state.withLock { state in
      guard state.isWidespread else { return nil }
      return "the database does not take the steps of \(state.trials.count) machines, but of others"
    }
  }

  /// A step of this machine could not be written, alone, while others can be.
  func meets(_ record: CommitRecord, at now: Int64) -> DamageTrials.Verdict {
    state.withLock { state in
      let verdict = state.trials.meets(record.subject, at: now)
      look(&state, at: now)
      return verdict
    }
  }

  func written(_ records: [CommitRecord], at now: Int64) {
    state.withLock { state in
      state.trials.written(at: now)
      if state.trials.isEmpty { return }
      for record in records { state.trials.passed(record.subject) }
      look(&state, at: now)
    }
  }

  /// Looks whether it is over; to be called now and then.
  func look(at now: Int64) {
    state.withLock { look(&$0, at: now) }
  }

  private func look(_ state: inout State, at now: Int64) {
    let isWidespread = state.trials.isWidespread(at: now)
    let isSpreading = state.trials.isSpreading(at: now)
    if isWidespread != state.isWidespread {
      state.isWidespread = isWidespread
      if isWidespread {
        logger.critical(
          "the database does not take the steps of many machines: they are kept, and none fails",
          metadata: ["machines": "\(state.trials.count)"])
      } else {
        logger.notice("the database does not take the steps of few machines or none")
      }
    } else if !isSpreading, state.isSpreading, isWidespread {
      logger.error(
        "the machines whose steps the database does not take grow no more in number",
        metadata: ["machines": "\(state.trials.count)"])
    }
    if isSpreading == state.isSpreading { return }
    state.isSpreading = isSpreading
    state.onChange?(!isSpreading)
  }

  /// A step of this machine is kept from being written by what is no damage.
  func passed(_ record: CommitRecord, at now: Int64) {
    state.withLock { state in
      if state.trials.isEmpty { return }
      state.trials.passed(record.subject)
      look(&state, at: now)
    }
  }

  /// Tells `body` whether all is well, now and at each change. It must not block, nor ask back.
  func follow(_ body: @escaping @Sendable (Bool) -> Void) {
    state.withLock { state in
      state.onChange = body
      body(!state.isSpreading)
    }
  }
}
