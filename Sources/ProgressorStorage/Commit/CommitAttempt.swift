import Logging
import MachineModel
import PostgreSQL
import ProgressorEngine

/// One batch on its way to the database, tried as often as its outcome takes.
struct CommitAttempt {
  private let batch: CommitBatch
  private let node: SQLUUID
  private let writer: WriterSession<PendingBatch>
  private let lease: LeaseState
  private let progress: CommitProgress
  private let delay: CommitDelay
  private let configuration: StorageConfiguration
  private let allowance: CommitAllowance

  init(
    _ batch: CommitBatch, of node: SQLUUID, on writer: WriterSession<PendingBatch>,
    lease: LeaseState, progress: CommitProgress, delay: CommitDelay,
    allowance: CommitAllowance, configuration: StorageConfiguration
  ) {
    self.batch = batch
    self.node = node
    self.writer = writer
    self.lease = lease
    self.progress = progress
    self.delay = delay
    self.allowance = allowance
    self.configuration = configuration
  }

  var steps: Int { records.count }

  var records: [CommitRecord] { batch.records }

  /// Which steps it is about, for the log.
  var description: Logger.Metadata {
    var metadata: Logger.Metadata = ["steps": "\(steps)"]
    if steps == 1, let record = records.first {
      metadata["namespace"] = "\(record.machine.namespace)"
      metadata["machine_id"] = "\(record.machine.id)"
    }
    return metadata
  }

  /// - Parameter unknowns: earlier attempts of which nobody knows whether they have written it.
  func write(unknowns: Int) -> CommitOutcome {
    let isUnknown = unknowns > 0
    // Reading the witness fails without saying anything about the batch.
    var isSent = false
    var begun = LocalClock.uptime()
    do {
      guard let (connection, identity) = try writer.open(for: node) else { return .fenced }
      if isUnknown, let witness = Witness(of: batch) {
        if try witness.testifies(on: connection, timeout: writer.timeout) { return .committed }
      }
      if unknowns >= allowance.unknowns { return .givenUp }
      if batch.expectsLocks {
        let locked = try lockedIfKnown(on: connection, under: identity)
        if !locked.isEmpty { return .refused(CommitRefusal(locked: locked)) }
      }
      isSent = true
      begun = LocalClock.uptime()
      var pipeline = FencedPipeline(under: identity, limit: allowance.limit)
      pipeline.append(records)
      let outcome = try commitPatiently(pipeline, on: connection)
      if let transaction = outcome.transaction {
        lease.committed(transaction: transaction, of: node)
      }
      return .committed
    } catch {
      let isOverdue = LocalClock.uptime() - begun >= allowance.limit.microseconds
      let outcome = CommitOutcome(error, isOverdue: isOverdue)
      if isSent { return outcome }
      if case .unknown = outcome { return .unsent(error) }
      return isUnknown ? .unsent(error) : outcome
    }
  }

  /// Waits beyond the writer's time as long as the lease keeper hears that PostgreSQL is at work on
  /// it, or it is on its way and gets on: much of it over a slow line.
  private func commitPatiently(
    _ pipeline: consuming FencedPipeline, on connection: Connection
  ) throws(PostgreSQLError) -> FencedPipeline.Outcome {
    let (slot, lease) = (batch.slot, configuration.leaseDuration)
    let begun = LocalClock.uptime()
    progress.hand(slot: slot, to: connection.backend)
    connection.onMove = { [progress] in progress.move(slot: slot, at: LocalClock.uptime()) }
    connection.patience = { [progress, delay, steps, allowance] in
      let now = LocalClock.uptime()
      guard let sign = progress.lastSign(slot: slot), now - sign < lease.microseconds / 2,
        now - begun < allowance.patience.microseconds
      else { return nil }
      // Whoever has the time hears what becomes of it.
      if allowance.isRetry || now - begun < 4 * lease.microseconds { return lease / 4 }
      delay.tell(
        "a batch takes long: the database is at work on it, or the line to it is slow",
        cause: "the database takes long for a batch",
        metadata: ["steps": "\(steps)", "seconds": "\((now - begun) / 1_000_000)"])
      return lease / 4
    }
    defer {
      connection.patience = nil
      connection.onMove = nil
      progress.hand(slot: slot, to: nil)
    }
    return try pipeline.commit(on: connection, timeout: writer.timeout)
  }

  /// Of which machines the rows are locked by others; none = nobody can tell.
  func lockedMachines() throws(PostgreSQLError) -> Set<MachineID> {
    guard let (connection, identity) = try writer.open(for: node) else { return [] }
    return try lockedIfKnown(on: connection, under: identity)
  }

  private func lockedIfKnown(
    on connection: Connection, under identity: WriterIdentity
  ) throws(PostgreSQLError) -> Set<MachineID> {
    do {
      return try RowLocks(of: records).locked(
        on: connection, under: identity, limit: configuration.leaseDuration / 4,
        timeout: writer.timeout)
    } catch {
      // What PostgreSQL says of the question it says of the batch too, and there it is judged.
      if error.scope == .statement, error.raised != .fenced { return [] }
      throw error
    }
  }

  enum Probe {
    /// The database takes what a step may write.
    case written
    case fenced
    case failed(PostgreSQLError)
  }

  /// Whether the database takes writes at all. What it writes is taken back in any case.
  func probe() -> Probe {
    do {
      guard let (connection, identity) = try writer.open(for: node),
        let shard = batch.records.first?.shard
      else { return .fenced }
      var pipeline = FencedPipeline(under: identity, limit: configuration.leaseDuration / 4)
      pipeline.append(Statements.probe, .with { $0.append(shard.number) })
      _ = try pipeline.commit(on: connection, timeout: writer.timeout)
      return .failed(PostgreSQLError(.unexpectedValue, "the probe ended without an error"))
    } catch {
      switch error.raised {
      case .probeHasWritten: return .written
      case .fenced: return .fenced
      case .unexpectedCount, .namespaceGone, nil: return .failed(error)
      }
    }
  }
}
