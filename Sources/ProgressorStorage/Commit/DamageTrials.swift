import MachineModel
import ProgressorEngine

/// Whether what keeps a step from being written is its machine's fault or the database's: a machine
/// fails only for what it meets again and again for a while, and not while many others do.
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
    /// The machine's rows, or what is to be written of it, are at fault.
    case isLasting
    /// So many machines are on trial that it is the database's.
    case isWidespread
  }

  private struct Trial {
    var begunAt: Int64
    var lastAt: Int64
    var attempts = 0
    /// It was found lasting. The machine counts on, though its failure could be written.
    var hasFailed = false
  }

  /// So many machines on trial make it the database's trouble.
  static let machines = 5
  /// For so long after the last new one their number grows.
  static let window: Int64 = 60_000_000
  /// So long if nothing was written since.
  static let longestWindow: Int64 = 600_000_000
  /// A trial that is not gone on with for so long is forgotten: steps that are tried again with
  /// pauses of a minute, dozens of them in turn, are not.
  static let memory: Int64 = 3_600_000_000
  /// No more machines are on trial; of others it is only known that they are many.
  static let capacity = 4_096

  private static let minimumAttempts = 3
  private static let sweepInterval: Int64 = 10_000_000

  /// For how long a machine must meet damage.
  private let patience: Int64
  private var trials: [Subject: Trial] = [:]
  private var sweptAt: Int64 = .min
  /// When one more machine was found.
  private var grownAt: Int64 = .min
  private var writtenAt: Int64 = .min
  /// When a verdict last was that it is widespread: what was before counts for nothing.
  private var widespreadAt: Int64 = .min

  init(patience: Int64) {
    self.patience = patience
  }

  /// Machines on trial.
  var count: Int { trials.count }

  var isEmpty: Bool { trials.isEmpty }

  /// Whether it is the database's trouble: no machine fails meanwhile.
  mutating func isWidespread(at now: Int64) -> Bool {
    sweep(at: now)
    return trials.count >= Self.machines
  }

  /// Whether it is widespread and may grow worse. A number of damaged machines that stays the same
  /// hinders no others.
  mutating func isSpreading(at now: Int64) -> Bool {
    guard isWidespread(at: now) else { return false }
    let window = writtenAt > grownAt ? Self.window : Self.longestWindow
    return now - grownAt < window
  }

  /// A step of this machine could not be written, alone, while others can be.
  mutating func meets(_ subject: Subject, at now: Int64) -> Verdict {
    sweep(at: now)
    if trials[subject] == nil {
      grownAt = now
      if trials.count >= Self.capacity { return .isWidespread }
    }
    var trial = trials[subject] ?? Trial(begunAt: now, lastAt: now)
    trial.lastAt = now
    defer { trials[subject] = trial }
    if trials.count + (trials[subject] == nil ? 1 : 0) >= Self.machines {
      trial.attempts = 0
      widespreadAt = now
      return .isWidespread
    }
    if trial.attempts == 0 || trial.begunAt <= widespreadAt {
      trial.begunAt = now
      trial.attempts = 0
    }
    trial.attempts += 1
    guard trial.attempts >= Self.minimumAttempts, now - trial.begunAt >= patience else {
      return .mayPass
    }
    trial.attempts = 0
    trial.hasFailed = true
    return .isLasting
  }

  /// A step of this machine was written, or met no damage at its last try: it was nothing. If it
  /// failed before, what was written was its failure, or comes after a repair.
  mutating func passed(_ subject: Subject) {
    if trials[subject]?.hasFailed == false { trials[subject] = nil }
  }

  /// Anything was written.
  mutating func written(at now: Int64) { writtenAt = max(writtenAt, now) }

  private mutating func sweep(at now: Int64) {
    if trials.isEmpty || (sweptAt != .min && now - sweptAt < Self.sweepInterval) { return }
    sweptAt = now
    trials = trials.filter { now - $0.value.lastAt < Self.memory }
  }
}

extension CommitRecord {
  var subject: DamageTrials.Subject { .init(shard: shard, key: key) }
}
