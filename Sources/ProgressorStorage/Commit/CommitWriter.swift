import Logging
import PostgreSQL
import ProgressorEngine

/// Writes the batches of one slot, one after the other, on a connection and a thread of its own.
///
/// A batch is one pipeline up to one Sync, which is one transaction (PostgreSQL manual, 55.2.4):
/// first the fence, then set-based statements that raise when they touch another number of rows
/// than they must. It is kept and repeated until its outcome is known. After a lost connection that
/// is: fence, then read.
final class CommitWriter: Sendable {
  private let slot: Int
  private let lease: LeaseState
  private let deliver: @Sendable (Input) -> Void
  private let thread: ConnectionThread<PendingBatch>

  /// Batches that may wait. The engine has one in flight per slot; another may follow before the
  /// writer has left the one before.
  private static let capacity = 16

  init(
    slot: Int, configuration: StorageConfiguration, watch: DatabaseWatch, progress: CommitProgress,
    damage: DamageBoard, logger: Logger, deliver: @escaping @Sendable (Input) -> Void,
    onFenced: @escaping @Sendable () -> Void
  ) throws(PostgreSQLError) {
    self.slot = slot
    self.deliver = deliver
    lease = watch.lease
    var settings = configuration.settings(for: "writer-\(slot)")
    // No other session of ours wants the rows of a batch: whoever holds one does so for long.
    settings.lockTimeout = min(.seconds(1), configuration.leaseDuration / 4)
    thread = try ConnectionThread(
      name: "pg-writer-\(slot)", settings: settings, capacity: Self.capacity
    ) { session in
      let writer = WriterSession(
        session, slot: slot, watch: watch, configuration: configuration)
      var loop = CommitLoop(
        session: session, writer: writer, slot: slot, configuration: configuration,
        lease: watch.lease, progress: progress, damage: damage, logger: logger,
        deliver: deliver, onFenced: onFenced)
      loop.run()
    }
  }

  /// Takes a batch; answered by `committed`, `refused` or `fenced`. From any thread.
  func write(_ batch: CommitBatch) {
    switch thread.submit(PendingBatch(batch: batch, node: lease.node)) {
    case .accepted: return
    // Nothing of it is written, and the engine is about to stop or breaks its own rule of one batch
    // per slot: in both cases it is over for this batch.
    case .full, .stopped: deliver(.fenced(batch.id))
    }
  }

  /// A batch in flight has `gracePeriod` to end. Does not wait.
  func requestStop(gracePeriod: Duration) { thread.requestStop(gracePeriod: gracePeriod) }

  /// Waits for the thread. Blocks.
  func join() { thread.join() }
}
