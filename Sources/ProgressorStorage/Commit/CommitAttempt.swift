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
  private let configuration: StorageConfiguration

  init(
    _ batch: CommitBatch, of node: SQLUUID, on writer: WriterSession<PendingBatch>,
    lease: LeaseState, progress: CommitProgress, configuration: StorageConfiguration
  ) {
    self.batch = batch
    contents = CommitPipeline(batch)
    self.node = node
    self.writer = writer
    self.lease = lease
    self.progress = progress
    self.configuration = configuration
  }

  var steps: Int { batch.records.count }

  /// The time that a statement has. Of a batch that takes longer one step may be the cause: it is
  /// split. A step alone has more, since it can be made no smaller.
  private var limit: Duration {
    steps > 1 ? configuration.leaseDuration / 2 : configuration.leaseDuration * 6
  }

  /// - Parameter isUnknown: an earlier attempt may have written it.
  func write(isUnknown: Bool) -> CommitOutcome {
    // Reading the witness fails without saying anything about the batch: then it stays unknown.
    var mayBeWritten = isUnknown
    var begun = LocalClock.uptime()
    do {
      guard let (connection, identity) = try writer.open(for: node) else { return .fenced }
      if isUnknown, let witness = Witness(of: batch) {
        if try witness.testifies(on: connection, timeout: writer.timeout) { return .committed }
      }
      mayBeWritten = false
      begun = LocalClock.uptime()
      let results = try runPatiently(
        contents.pipeline(under: identity, limit: limit), on: connection)
      if let transaction: Int64 = try? results.first?.first?.value(1) {
        lease.committed(transaction: transaction, of: node)
      }
      return .committed
    } catch {
      let isOverdue = LocalClock.uptime() - begun >= limit.microseconds
      return mayBeWritten ? .unknown(error) : CommitOutcome(error, isOverdue: isOverdue)
    }
  }

  /// Waits beyond the writer's time as long as the lease keeper hears that PostgreSQL is at work on it.
  private func runPatiently(
    _ pipeline: Pipeline, on connection: Connection
  ) throws(PostgreSQLError) -> [ResultSet] {
    let (slot, lease) = (batch.slot, configuration.leaseDuration)
    progress.hand(slot: slot, to: connection.backend)
    connection.patience = { [progress] in
      guard let sign = progress.lastSign(slot: slot),
        LocalClock.uptime() - sign < lease.microseconds / 2
      else { return nil }
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
