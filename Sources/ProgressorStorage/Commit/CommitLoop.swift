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
  let logger: Logger
  let deliver: @Sendable (Input) -> Void
  let onFenced: @Sendable () -> Void

  func run() {
    var keys = IdempotencySweeper(configuration: configuration, slot: slot)
    var tombstones = TombstoneSweeper(configuration: configuration, slot: slot)
    while true {
      switch session.waitForItems(atMost: 1, timeout: min(keys.pause, tombstones.pause)) {
      case .items(let items):
        for item in items {
          write(item)
          if item.batch.removesMachines { tombstones.machinesWereRemoved() }
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
      guard let node = lease.node else { continue }
      keys.sweepIfDue(as: node, on: writer, logger)
      tombstones.sweepIfDue(as: node, on: writer, logger)
    }
  }

  /// Writes a batch and tells what became of it.
  private func write(_ item: PendingBatch) {
    progress.begin(slot: slot, at: LocalClock.uptime())
    defer { progress.end(slot: slot) }
    let id = item.batch.id
    switch finish(item) {
    case .committed:
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
    let contents = CommitPipeline(item.batch)
    var backoff = Backoff(initial: .milliseconds(20), maximum: .seconds(1))
    var quickRepeats = 3
    var isUnknown = false
    var isDelayed = false
    while lease.holds(node) {
      let error: PostgreSQLError
      switch attempt(item.batch, contents, as: node, isUnknown: isUnknown) {
      case .committed: return .committed
      case .refused(let refusal): return .refused(refusal)
      case .fenced: return .fenced
      case .again(let reason):
        logger.warning("a batch is repeated", metadata: ["error": "\(reason)"])
        quickRepeats -= 1
        if quickRepeats >= 0 { continue }
        error = reason
      case .unavailable(let reason):
        error = reason
        closeUnlessFull(reason)
        if isRefusedForAll(reason) { progress.begin(slot: slot, at: LocalClock.uptime()) }
      case .unknown(let reason):
        error = reason
        writer.close()
        // A single session that broke: the next one tells what became of the batch, and nobody who
        // waits for it need hear of that.
        if !isUnknown {
          isUnknown = true
          logger.warning("the outcome of a batch is unknown", metadata: ["error": "\(error)"])
          continue
        }
      }
      if !isDelayed {
        isDelayed = true
        progress.delay(slot: slot)
        deliver(.commitDelayed(item.batch.id))
        logger.error(
          "the database does not take a batch; it is kept and repeated",
          metadata: ["slot": "\(slot)", "error": "\(error)"])
      }
      guard session.pause(for: backoff.next()) else { return .stopped }
    }
    return .fenced
  }

  /// A session that met such an error may be on a server that is not writable any more. Only a full
  /// disk (53) and a lock (55) say nothing about the session.
  private func closeUnlessFull(_ error: PostgreSQLError) {
    let errorClass = error.sqlState?.errorClass
    if errorClass != "53" && errorClass != "55" { writer.close() }
  }

  /// The database says that it takes nothing now, from any node: its disk is full, it is read-only.
  /// Then the lease is worth keeping, and the batch with it; a batch that hangs, or waits for a
  /// lock, may be this node's own trouble.
  private func isRefusedForAll(_ error: PostgreSQLError) -> Bool {
    guard error.scope == .statement, let errorClass = error.sqlState?.errorClass else {
      return false
    }
    return errorClass == "53" || errorClass == "25"
  }

  private func attempt(
    _ batch: CommitBatch, _ contents: CommitPipeline, as node: SQLUUID, isUnknown: Bool
  ) -> CommitOutcome {
    // Reading the witness fails without saying anything about the batch: then it stays unknown.
    var mayBeWritten = isUnknown
    do {
      guard let (connection, identity) = try writer.open(for: node) else { return .fenced }
      if isUnknown, let witness = Witness(of: batch) {
        if try witness.testifies(on: connection, timeout: writer.timeout) { return .committed }
      }
      mayBeWritten = false
      let results = try connection.run(
        contents.pipeline(under: identity), timeout: writer.timeout)
      if let transaction: Int64 = try? results.first?.first?.value(1) {
        lease.committed(transaction: transaction, of: node)
      }
      return .committed
    } catch {
      return mayBeWritten ? .unknown(error) : CommitOutcome(error)
    }
  }
}
