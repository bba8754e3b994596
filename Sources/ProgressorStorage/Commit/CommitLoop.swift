import Logging
import MachineModel
import PostgreSQL
import ProgressorEngine

/// The body of a writer's thread.
struct CommitLoop {
  let session: ConnectionSession<PendingBatch>
  let writer: WriterSession<PendingBatch>
  let slot: Int
  let configuration: StorageConfiguration
  let lease: LeaseState
  let progress: CommitProgress
  let damage: DamageBoard
  let logger: Logger
  let deliver: @Sendable (Input) -> Void
  let onFenced: @Sendable () -> Void
  private var loneSteps = LoneSteps()
  private var lockedMachines = LockedMachines()

  init(
    session: ConnectionSession<PendingBatch>, writer: WriterSession<PendingBatch>, slot: Int,
    configuration: StorageConfiguration, lease: LeaseState, progress: CommitProgress,
    damage: DamageBoard, logger: Logger, deliver: @escaping @Sendable (Input) -> Void,
    onFenced: @escaping @Sendable () -> Void
  ) {
    self.session = session
    self.writer = writer
    self.slot = slot
    self.configuration = configuration
    self.lease = lease
    self.progress = progress
    self.damage = damage
    self.logger = logger
    self.deliver = deliver
    self.onFenced = onFenced
  }

  mutating func run() {
    var keys = Sweep(
      .expiredKeys, configuration: configuration, slot: slot, swept: progress.swept)
    var removed = Sweep(
      .removedMachines, configuration: configuration, slot: slot, swept: progress.swept)
    var traces = Sweep(
      .oldTraces, configuration: configuration, slot: slot, swept: progress.swept)
    var feed = Sweep(
      .oldFeed, configuration: configuration, slot: slot, swept: progress.swept)
    while true {
      let pause = min(keys.pause, removed.pause, traces.pause, feed.pause)
      switch session.waitForItems(atMost: 1, timeout: pause) {
      case .items(let items):
        for item in items {
          write(item)
          if item.batch.removesMachines { removed.call() }
        }
      case .timedOut:
        break
      case .connectionLost(let error):
        logger.debug("the idle connection was lost", metadata: ["error": "\(error)"])
        continue
      case .stopped:
        writer.close()
        return
      }
      damage.look(at: LocalClock.uptime())
      guard let node = lease.node else { continue }
      keys.runIfDue(as: node, on: writer, logger)
      removed.runIfDue(as: node, on: writer, logger)
      traces.runIfDue(as: node, on: writer, logger)
      feed.runIfDue(as: node, on: writer, logger)
    }
  }

  /// Writes a batch and tells what became of it.
  private mutating func write(_ item: PendingBatch) {
    progress.begin(slot: slot, at: LocalClock.uptime())
    defer { progress.end(slot: slot) }
    let id = item.batch.id
    switch finish(item) {
    case .committed:
      damage.written(item.batch.records, at: LocalClock.uptime())
      loneSteps.written(item.batch.records)
      lockedMachines.written(item.batch.records)
      deliver(.committed(id))
      let told = item.batch.records.filter { !$0.feed.isEmpty }.map(\.shard)
      if !told.isEmpty { progress.feed.tell(told) }
    case .refused(let refusal):
      if case .locked(let machines) = refusal.fault {
        loneSteps.onlyAsked()
        tellLocked(machines, item.batch.records)
      }
      if item.batch.records.count == 1, refusal.fault == .overdue || refusal.fault == .contents {
        loneSteps.refused(item.batch.records[0], at: LocalClock.uptime())
      }
      deliver(.refused(id, refusal))
    case .stopped:
      // The release of the lease that follows fences it; whoever asked hears UNAVAILABLE.
      deliver(.fenced(id))
    case .fenced:
      // First the batch, then the shards: no later lease can begin before the engine heard both.
      deliver(.fenced(id))
      if let node = item.node, lease.end(node) {
        logger.error("a batch was fenced: the lease is lost", metadata: ["node": "\(node)"])
        onFenced()
      }
    }
  }

  private mutating func tellLocked(_ machines: Set<MachineID>, _ records: [CommitRecord]) {
    let now = LocalClock.uptime()
    // Alone it met nothing worse.
    if records.count == 1 { damage.passed(records[0], at: now) }
    if let news = lockedMachines.news(of: machines, at: now) {
      logger.warning("other sessions have locked rows of machines", metadata: news)
    }
  }

  private enum Final {
    case committed
    case refused(CommitRefusal)
    case fenced
    case stopped
  }

  /// What the tries of a batch came to so far.
  private struct Tries {
    var quickRepeats = 3
    var suspicions = 0
    var unknowns = 0
    /// At the last of them the connection was lost; it was not given up from here for want of an
    /// answer, which is no fault.
    var wasCut = false
    var mayHurry = true
    /// The database did not take the batch.
    var wereUnavailable = false
    var metMisfit = false
  }

  /// Repeats a batch until its outcome is known.
  private mutating func finish(_ item: PendingBatch) -> Final {
    guard let node = item.node else { return .fenced }
    let delay = CommitDelay(
      of: item.batch.id, slot: slot, progress: progress, logger: logger, deliver: deliver)
    let attempt = CommitAttempt(
      item.batch, of: node, on: writer, lease: lease, progress: progress, delay: delay,
      allowance: loneSteps.allowance(
        for: item.batch.records, lease: configuration.leaseDuration),
      configuration: configuration)
    var backoff = Backoff(initial: .milliseconds(20), maximum: .seconds(1))
    var tries = Tries()
    while lease.holds(node) {
      let error: PostgreSQLError
      let outcome = attempt.write(unknowns: tries.unknowns)
      switch outcome {
      case .committed:
        if tries.metMisfit { lease.misfitIsOver() }
        return .committed
      case .refused(let refusal): return .refused(refusal)
      case .fenced: return .fenced
      case .again(let reason) where tries.quickRepeats > 0:
        logger.warning("a batch is repeated", metadata: ["error": "\(reason)"])
        tries.quickRepeats -= 1
        continue
      case .again, .suspect, .givenUp:
        switch judge(outcome, attempt, &tries) {
        case .final(let final): return final
        case .again:
          guard session.pause(for: backoff.next()) else { return .stopped }
          continue
        case .database(let probed): error = probed
        }
        giveUpSession(after: error)
      case .unavailable(let reason):
        error = reason
        giveUpSession(after: error)
      case .unknown(let reason), .unsent(let reason):
        error = reason
        writer.close()
        if case .unknown = outcome {
          tries.unknowns += 1
          tries.wasCut = reason.scope == .connectionLost
        }
        // A single session that broke: the next one tells what became of the batch, and nobody who
        // waits for it need hear of that.
        if tries.mayHurry {
          tries.mayHurry = false
          logger.warning("the outcome of a batch is unknown", metadata: ["error": "\(error)"])
          continue
        }
      }
      tries.wereUnavailable = true
      tries.metMisfit = tries.metMisfit || error.isMisfit
      tell(delay, of: error)
      guard session.pause(for: backoff.next()) else { return .stopped }
    }
    return .fenced
  }

  private func tell(_ delay: CommitDelay, of error: PostgreSQLError) {
    delay.tell(
      error.isMisfit
        ? "the database does not know or allow what a batch does: mend the schema or the rights"
        : "the database does not take a batch; it is kept and repeated",
      cause: error.description, metadata: ["error": "\(error)"])
  }

  private enum Verdict {
    case final(Final)
    /// It may have been bad luck.
    case again
    case database(PostgreSQLError)
  }

  private func judge(
    _ outcome: CommitOutcome, _ attempt: CommitAttempt, _ tries: inout Tries
  ) -> Verdict {
    switch outcome {
    case .suspect(let fault, let reason): judge(fault, reason, attempt, &tries)
    // Who is in the way each time may be in the way of one step.
    case .again(let reason): judge(.overdue, reason, attempt, &tries)
    default: judgeLoss(attempt, wasCut: tries.wasCut)
    }
  }

  /// Whether a step is at fault or the database: by whether that takes what others would write.
  private func judge(
    _ fault: CommitRefusal.Fault, _ reason: PostgreSQLError, _ attempt: CommitAttempt,
    _ tries: inout Tries
  ) -> Verdict {
    // It may be the session that is broken, or lacks something that it had.
    if fault == .contents, tries.suspicions == 0 { writer.close() }
    if fault == .overdue {
      do {
        let locked = try attempt.lockedMachines()
        if !locked.isEmpty { return .final(.refused(CommitRefusal(locked: locked))) }
      } catch { return error.raised == .fenced ? .final(.fenced) : .database(error) }
    }
    switch attempt.probe() {
    case .fenced:
      return .final(.fenced)
    case .failed(let error):
      tries.suspicions = 0
      return .database(error)
    case .written:
      tries.suspicions += 1
      // Nothing worse than to be tried apart happens to the steps of a batch; a step alone fails.
      let isGrave = attempt.steps == 1 && fault == .contents
      // What kept the database from taking it before may have ended between the batch and the
      // probe.
      if tries.suspicions == 1, tries.wereUnavailable || isGrave { return .again }
      var fault = fault
      if isGrave {
        fault = self.fault(of: attempt)
      } else if attempt.steps == 1, let record = attempt.records.first {
        damage.passed(record, at: LocalClock.uptime())
      }
      logger.warning(
        "the database takes writes, but not these steps",
        metadata: attempt.description.merging(["error": "\(reason)"]) { $1 })
      return .final(.refused(CommitRefusal(fault, reason)))
    }
  }

  /// Of a step alone that the database does not take while it takes others.
  private func fault(of attempt: CommitAttempt) -> CommitRefusal.Fault {
    guard let record = attempt.records.first else { return .overdue }
    let verdict = damage.meets(record, at: LocalClock.uptime())
    return verdict == .isLasting ? .contents : .overdue
  }

  /// Over a batch the session was lost as often as it may be. A step that brings its session down,
  /// or the whole server, would do so at every try: its machine fails for it like for damage.
  private func judgeLoss(_ attempt: CommitAttempt, wasCut: Bool) -> Verdict {
    var refusal = CommitRefusal(
      .overdue, code: "none", message: "the session was lost again and again")
    if attempt.steps == 1, wasCut {
      switch attempt.probe() {
      case .fenced: return .final(.fenced)
      case .failed(let error): return .database(error)
      case .written: refusal.fault = fault(of: attempt)
      }
    }
    logger.warning(
      "the session was lost again and again over these steps", metadata: attempt.description)
    return .final(.refused(refusal))
  }

  /// A session that met such an error may be on a server that is not writable any more. Only a full
  /// disk (53) and a lock (55) say nothing about the session.
  ///
  /// If it was the server that said so, the way to it is open, and another node would hear the
  /// same: the lease is worth keeping, and the batch with it. Of what is wrong between the two of
  /// us the lease ends after a while, and another node has time to begin one; once, then nobody
  /// does better.
  private func giveUpSession(after error: PostgreSQLError) {
    let state = error.scope == .statement ? error.sqlState : nil
    let now = LocalClock.uptime()
    if error.isMisfit, !configuration.isExclusive {
      let mayYield = lease.meetsMisfit(at: now, lease: configuration.leaseDuration.microseconds)
      if mayYield { progress.forgetMoves(slot: slot) } else { progress.sign(slot: slot, at: now) }
    } else if let state, !state.isOfSession {
      progress.sign(slot: slot, at: now)
    }
    let errorClass = state?.errorClass
    if errorClass != "53" && errorClass != "55" { writer.close() }
  }
}

extension PostgreSQLError {
  /// What the server said of a statement, on a session that lives on.
  fileprivate var isMisfit: Bool { scope == .statement && sqlState?.isMisfit == true }
}
