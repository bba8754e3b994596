import ProgressorEngine

/// Steps of one slot that could not be written alone, and come again: they must not hold up at each
/// try what else is to be written. Times in microseconds, on any clock that only grows.
///
/// The next batch of a slot is handed over when the one before is done, so whatever waits is
/// written between two tries of a step. Nothing waits if nothing was.
struct LoneSteps {
  private struct Kept {
    /// The time that the next try has, in halves of a lease.
    var halves = 1
    /// As counted when it was last refused.
    var others: Int
    var lastAt: Int64
  }

  /// Steps beyond are tried as if for the first time.
  static let capacity = 1_024
  private static let memory = DamageTrials.memory

  private var kept: [DamageTrials.Subject: Kept] = [:]
  /// Batches written that were no such step.
  private var others = 0
  /// The last batch counts among them.
  private var isOther = false

  var count: Int { kept.count }

  /// What a batch is allowed that is about to be written.
  mutating func allowance(for records: [CommitRecord], lease: Duration) -> CommitAllowance {
    // More than a batch may have is a machine that is imported: it is in the others' way for long
    // each time, and who asked for it may ask again.
    let isLarge = records.count == 1 && records[0].bytes > CommitBatch.maximumBytes
    let isKnown = isLarge || !kept.isEmpty && records.contains { kept[$0.subject] != nil }
    guard records.count == 1, let subject = records.first?.subject, var step = kept[subject] else {
      others += 1
      isOther = true
      return CommitAllowance(steps: records.count, isKnown: isKnown, lease: lease)
    }
    isOther = false
    let isAlone = step.others == others
    let allowance = CommitAllowance(retryWith: isAlone ? step.halves : 1, lease: lease)
    step.halves = isAlone ? min(2 * step.halves, CommitAllowance.mostHalves) : 1
    kept[subject] = step
    return allowance
  }

  /// A step was refused alone: it, or what is to be written in its place, comes again.
  mutating func refused(_ record: CommitRecord, at now: Int64) {
    let subject = record.subject
    if kept[subject] == nil, kept.count >= Self.capacity {
      kept = kept.filter { now - $0.value.lastAt < Self.memory }
      if kept.count >= Self.capacity { return }
    }
    kept[subject] = Kept(halves: kept[subject]?.halves ?? 1, others: others, lastAt: now)
  }

  /// Of the last batch it was only asked whether it can be written.
  mutating func onlyAsked() {
    if isOther { others -= 1 }
    isOther = false
  }

  mutating func written(_ records: [CommitRecord]) {
    if kept.isEmpty { return }
    for record in records { kept[record.subject] = nil }
  }
}

/// How long a batch may take before something is done about it.
struct CommitAllowance: Equatable {
  /// The time that a statement has. Of a batch that takes longer one step may be the cause: it is
  /// split. A step alone has more, since it can be made no smaller.
  var limit: Duration
  /// The time that all statements together have while PostgreSQL is at work on them. A step alone
  /// has more, so that of a single slow statement it is the server that says so.
  var patience: Duration
  /// Its outcome may be unknown so often; then what is in it may be the cause.
  var unknowns: Int
  /// A step that was refused alone before: nobody is told that it takes long, since nobody else
  /// waits for long.
  var isRetry: Bool

  /// The most that a step is given.
  static let mostHalves = 12

  /// - Parameter isKnown: a step in it was refused alone before.
  init(steps: Int, isKnown: Bool, lease: Duration) {
    limit = steps > 1 ? lease / 2 : lease * Self.mostHalves / 2
    patience = lease * (steps > 1 ? 6 : 7)
    unknowns = isKnown ? 1 : 3
    isRetry = false
  }

  init(retryWith halves: Int, lease: Duration) {
    limit = lease * halves / 2
    patience = limit + lease
    unknowns = 1
    isRetry = true
  }
}
