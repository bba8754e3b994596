import Logging
import ProgressorEngine

/// Tells once that a batch takes longer than anybody should wait for. Confined to the writer's
/// thread.
final class CommitDelay {
  private let batch: BatchID
  private let slot: Int
  private let progress: CommitProgress
  private let logger: Logger
  private let deliver: @Sendable (Input) -> Void
  private var isTold = false

  init(
    of batch: BatchID, slot: Int, progress: CommitProgress, logger: Logger,
    deliver: @escaping @Sendable (Input) -> Void
  ) {
    self.batch = batch
    self.slot = slot
    self.progress = progress
    self.logger = logger
    self.deliver = deliver
  }

  /// - Parameter cause: what the status shows as long as the batch is there.
  func tell(_ message: Logger.Message, cause: String, metadata: Logger.Metadata = [:]) {
    guard !isTold else { return }
    isTold = true
    progress.delay(slot: slot, cause: cause)
    deliver(.commitDelayed(batch))
    var metadata = metadata
    metadata["slot"] = "\(slot)"
    logger.error(message, metadata: metadata)
  }
}
