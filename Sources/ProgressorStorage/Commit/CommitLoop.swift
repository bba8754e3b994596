import Logging
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

  func run() {
    var keys = Sweep(.expiredKeys, configuration: configuration, slot: slot)
    var removed = Sweep(.removedMachines, configuration: configuration, slot: slot)
    while true {
      switch session.waitForItems(atMost: 1, timeout: min(keys.pause, removed.pause)) {
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
    }
  }

  /// Writes a batch and tells what became of it.
  private func write(_ item: PendingBatch) {
    progress.begin(slot: slot, at: LocalClock.uptime())
    defer { progress.end(slot: slot) }
    let id = item.batch.id
    switch finish(item) {
    case .committed:
      if item.batch.records.count == 1 {
        damage.passed(item.batch.records[0], at: LocalClock.uptime())
      }
      deliver(.committed(id))
    case .refused(let refusal):
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

  private enum Final {
    case committed
    case refused(CommitRefusal)
    case fenced
    case stopped
  }

  /// Repeats a batch until its outcome is known.
  private func finish(_ item: PendingBatch) -> Final {
    guard let node = item.node else { return .fenced }
    let delay = CommitDelay(
      of: item.batch.id, slot: slot, progress: progress, logger: logger, deliver: deliver)
    let attempt = CommitAttempt(
      item.batch, of: node, on: writer, lease: lease, progress: progress, delay: delay,
      configuration: configuration)
    var backoff = Backoff(initial: .milliseconds(20), maximum: .seconds(1))
    var quickRepeats = 3
    var suspicions = 0
    var unknowns = 0
    var mayHurry = true
    var wasUnavailable = false
    while lease.holds(node) {
      let error: PostgreSQLError
      let outcome = attempt.write(unknowns: unknowns)
      switch outcome {
      case .committed:
        if wasUnavailable { lease.rest(until: nil) }
        return .committed
      case .refused(let refusal): return .refused(refusal)
      case .fenced: return .fenced
      case .again(let reason):
        logger.warning("a batch is repeated", metadata: ["error": "\(reason)"])
        quickRepeats -= 1
        if quickRepeats >= 0 { continue }
        error = reason
      case .suspect(let fault, let reason):
        switch judge(fault, reason, attempt, mayBeOver: wasUnavailable, &suspicions) {
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
        if case .unknown = outcome { unknowns += 1 }
        // A single session that broke: the next one tells what became of the batch, and nobody who
        // waits for it need hear of that.
        if mayHurry {
          mayHurry = false
          logger.warning("the outcome of a batch is unknown", metadata: ["error": "\(error)"])
          continue
        }
      }
      wasUnavailable = true
      tell(delay, of: error)
      guard session.pause(for: backoff.next()) else { return .stopped }
    }
    return .fenced
  }

  private func tell(_ delay: CommitDelay, of error: PostgreSQLError) {
    let isMisfit = error.sqlState?.isMisfit ?? false
    delay.tell(
      isMisfit
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

  /// Whether a step is at fault or the database: by whether that takes what others would write.
  ///
  /// - Parameter mayBeOver: the database did not take the batch before: what kept it from that may
  ///   have ended between the batch and the probe.
  private func judge(
    _ fault: CommitRefusal.Fault, _ reason: PostgreSQLError, _ attempt: CommitAttempt,
    mayBeOver: Bool, _ suspicions: inout Int
  ) -> Verdict {
    // It may be the session that is broken.
    if fault == .contents { writer.close() }
    switch attempt.probe() {
    case .fenced:
      return .final(.fenced)
    case .failed(let error):
      suspicions = 0
      return .database(error)
    case .written:
      suspicions += 1
      // Nothing worse than to be tried apart happens to the steps of a batch; a step alone fails.
      let isGrave = attempt.steps == 1 && fault == .contents
      if suspicions == 1, mayBeOver || isGrave { return .again }
      var fault = fault
      if isGrave, let record = attempt.records.first,
        damage.meets(record, at: LocalClock.uptime()) != .isLasting
      {
        fault = .overdue
      }
      logger.warning(
        "the database takes writes, but not these steps",
        metadata: attempt.description.merging(["error": "\(reason)"]) { $1 })
      return .final(.refused(CommitRefusal(fault, reason)))
    }
  }

  /// A session that met such an error may be on a server that is not writable any more. Only a full
  /// disk (53) and a lock (55) say nothing about the session.
  ///
  /// If it was the server that said so, of itself, the way to it is open, and another node would
  /// hear the same: the lease is worth keeping, and the batch with it. Of what is wrong between the
  /// two of us the lease ends after a while, and another node has time to begin one.
  private func giveUpSession(after error: PostgreSQLError) {
    let state = error.scope == .statement ? error.sqlState : nil
    let now = LocalClock.uptime()
    if state?.isOfServer == true { progress.sign(slot: slot, at: now) }
    if state?.isMisfit == true, !configuration.isExclusive {
      lease.rest(until: now + 2 * configuration.leaseDuration.microseconds)
    }
    let errorClass = state?.errorClass
    if errorClass != "53" && errorClass != "55" { writer.close() }
  }
}
