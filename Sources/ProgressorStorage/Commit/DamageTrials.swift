import MachineModel
import ProgressorEngine

/// Whether damage that the database meets is one machine's or its own: a machine fails only for
/// damage that it meets again and again for a while, and not while others meet some too.
///
/// Times in microseconds, on any clock that only grows.
struct DamageTrials {
  struct Subject: Hashable {
    var shard: ShardID
    var key: MachineKey
  }

  enum Verdict {
    /// It may pass: to be tried again later.
    case mayPass
    /// The machine's rows are damaged.
    case isLasting
    /// So many machines met damage that it is the database's.
    case isWidespread
  }

  private struct Trial {
    var begunAt: Int64
    var lastAt: Int64
    var attempts = 0
  }

  /// So many machines within so long make it the database's trouble.
  static let machines = 5
  static let window: Int64 = 60_000_000
  private static let minimumAttempts = 3
  /// A trial that is not gone on with for so long is forgotten.
  private static let memory: Int64 = 600_000_000

  /// For how long a machine must meet damage.
  private let patience: Int64
  /// A few: where more begin, none goes on.
  private var trials: [Subject: Trial] = [:]
  /// Of different machines, the latest last, at most `machines` of them.
  private var latest: [(subject: Subject, time: Int64)] = []

  init(patience: Int64) {
    self.patience = patience
  }

  /// Trials that go on.
  var count: Int { trials.count }

  var isEmpty: Bool { trials.isEmpty && latest.isEmpty }

  func isWidespread(at now: Int64) -> Bool {
    latest.count == Self.machines && latest.allSatisfy { now - $0.time < Self.window }
  }

  /// A step of this machine met damage, alone, while others can be written.
  mutating func meets(_ subject: Subject, at now: Int64) -> Verdict {
    latest.removeAll { $0.subject == subject || now - $0.time >= Self.window }
    if latest.count == Self.machines { latest.removeFirst() }
    latest.append((subject, now))
    if isWidespread(at: now) {
      trials = [:]
      return .isWidespread
    }
    trials = trials.filter { now - $0.value.lastAt < Self.memory }
    var trial = trials[subject] ?? Trial(begunAt: now, lastAt: now)
    trial.lastAt = now
    trial.attempts += 1
    if trial.attempts >= Self.minimumAttempts, now - trial.begunAt >= patience {
      trials[subject] = nil
      return .isLasting
    }
    trials[subject] = trial
    return .mayPass
  }

  /// A step of this machine was written: it was nothing.
  mutating func passed(_ subject: Subject) {
    trials[subject] = nil
    latest.removeAll { $0.subject == subject }
  }
}
