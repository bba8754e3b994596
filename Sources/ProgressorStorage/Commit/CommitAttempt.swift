import Logging
import PostgreSQL
import ProgressorEngine

/// One batch on its way to the database, tried as often as its outcome takes.
struct CommitAttempt {
  private let batch: CommitBatch
  private let contents: CommitPipeline
  private let node: SQLUUID
  private let writer: WriterSession<PendingBatch>
  private let lease: LeaseState
  private let progress: CommitProgress
  private let delay: CommitDelay
  private let configuration: StorageConfiguration

  init(
    _ batch: CommitBatch, of node: SQLUUID, on writer: WriterSession<PendingBatch>,
    lease: LeaseState, progress: CommitProgress, delay: CommitDelay,
    configuration: StorageConfiguration
  ) {
    self.batch = batch
    contents = CommitPipeline(batch)
    self.node = node
    self.writer = writer
    self.lease = lease
    self.progress = progress
    self.delay = delay
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

  /// The time that a statement has. Of a batch that takes longer one step may be the cause: it is
  /// split. A step alone has more, since it can be made no smaller.
  private var limit: Duration {
    steps > 1 ? configuration.leaseDuration / 2 : configuration.leaseDuration * 6
  }

  /// The time that all statements together have while PostgreSQL is at work on them. A step alone
  /// has more, so that of a single slow statement it is the server that says so.
  private var patience: Duration { configuration.leaseDuration * (steps > 1 ? 6 : 7) }

  /// The outcome of a batch may be unknown so often; then what is in it may be the cause.
  private static let unknownLimit = 3

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
      if unknowns >= Self.unknownLimit {
        return .refused(
          CommitRefusal(.overdue, code: "none", message: "the session was lost again and again"))
      }
      isSent = true
      begun = LocalClock.uptime()
      let results = try runPatiently(
        contents.pipeline(under: identity, limit: limit), on: connection)
      if let transaction: Int64 = try? results.first?.first?.value(1) {
        lease.committed(transaction: transaction, of: node)
      }
      return .committed
    } catch {
      let isOverdue = LocalClock.uptime() - begun >= limit.microseconds
      let outcome = CommitOutcome(error, isOverdue: isOverdue)
      if isSent { return outcome }
      if case .unknown = outcome { return .unsent(error) }
      return isUnknown ? .unsent(error) : outcome
    }
  }

  /// Waits beyond the writer's time as long as the lease keeper hears that PostgreSQL is at work on
  /// it.
  private func runPatiently(
    _ pipeline: Pipeline, on connection: Connection
  ) throws(PostgreSQLError) -> [ResultSet] {
    let (slot, lease) = (batch.slot, configuration.leaseDuration)
    let begun = LocalClock.uptime()
    progress.hand(slot: slot, to: connection.backend)
    connection.patience = { [progress, delay, steps, patience] in
      let now = LocalClock.uptime()
      guard let sign = progress.lastSign(slot: slot), now - sign < lease.microseconds / 2,
        now - begun < patience.microseconds
      else { return nil }
      // Whoever has the time hears what becomes of it.
      guard now - begun >= 4 * lease.microseconds else { return lease / 4 }
      delay.tell(
        "the database takes long for a batch, and is at work on it",
        cause: "the database takes long for a batch",
        metadata: ["steps": "\(steps)", "seconds": "\((now - begun) / 1_000_000)"])
      return lease / 4
    }
    defer {
      connection.patience = nil
      progress.hand(slot: slot, to: nil)
    }
    return try connection.run(pipeline, timeout: writer.timeout)
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
      var pipeline = Pipeline()
      pipeline.append(fenceOf: identity, limit: configuration.leaseDuration / 4)
      pipeline.append(Statements.probe, .with { $0.append(shard.number) })
      _ = try connection.run(pipeline, timeout: writer.timeout)
      return .failed(PostgreSQLError(.unexpectedValue, "the probe ended without an error"))
    } catch {
      switch error.sqlState {
      case .probeHasWritten: return .written
      case .fenced: return .fenced
      default: return .failed(error)
      }
    }
  }
}
