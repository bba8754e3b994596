import Logging
import MachineModel
import ProgressorSinks
import ProgressorStorage
import Synchronization

/// What a sink has done.
struct SinkStatistics: Sendable, Hashable {
  /// Its name.
  var name: String
  /// Entries that have arrived.
  var delivered: UInt64 = 0
  /// Entries that can never arrive.
  var parked: UInt64 = 0
  /// Deliveries that failed, and are tried again.
  var failures: UInt64 = 0
  /// The last one failed.
  var isFailing = false
}

/// Counts what a sink does, and tells the log what somebody should look at.
final class SinkLedger: Sendable {
  private let state: Mutex<SinkStatistics>
  private let logger: Logger

  init(_ name: String, logger: Logger) {
    state = Mutex(SinkStatistics(name: name))
    var logger = logger
    logger[metadataKey: "sink"] = "\(name)"
    self.logger = logger
  }

  var statistics: SinkStatistics { state.withLock { $0 } }

  func delivered(_ count: Int) {
    if count > 0 { state.withLock { $0.delivered += UInt64(count) } }
  }

  /// One line, however many they are.
  func parked(_ entries: [(entry: FeedEntry, reason: String)]) {
    guard let (entry, reason) = entries.first else { return }
    state.withLock { $0.parked += UInt64(entries.count) }
    logger.error(
      "entries of the feed can never be delivered and are passed over",
      metadata: [
        "entries": "\(entries.count)", "shard": "\(entry.shard.number)",
        "sequence": "\(entry.sequence)", "namespace": "\(entry.machine.namespace)",
        "machine": "\(entry.machine.id)", "reason": "\(reason)",
      ])
  }

  /// An entry that cannot be read.
  func parked(_ damage: FeedPart.Damage, of shard: ShardID) {
    state.withLock { $0.parked += 1 }
    logger.error(
      "an entry of the feed cannot be read and is passed over",
      metadata: [
        "shard": "\(shard.number)", "sequence": "\(damage.sequence)",
        "reason": "\(damage.problem)",
      ])
  }

  /// Entries up to there are not kept any more, of whatever namespaces.
  func missed(_ shard: ShardID, after sequence: Int64, upTo gone: Int64) {
    logger.error(
      "entries of the feed went before the sink had come to them: some may have been for it",
      metadata: ["shard": "\(shard.number)", "after": "\(sequence)", "up_to": "\(gone)"])
  }

  /// The first failure after a success is worth a warning, the others that follow are not.
  func failed(_ failure: String, next pause: Duration) {
    let wasFailing = state.withLock { state in
      defer { state.isFailing = true }
      state.failures += 1
      return state.isFailing
    }
    let metadata: Logger.Metadata = ["error": "\(failure)", "next_attempt_in": "\(pause)"]
    if wasFailing {
      logger.debug("the sink still cannot deliver", metadata: metadata)
    } else {
      logger.warning("the sink cannot deliver", metadata: metadata)
    }
  }

  func succeeded() {
    let wasFailing = state.withLock { state in
      defer { state.isFailing = false }
      return state.isFailing
    }
    if wasFailing { logger.notice("the sink delivers again") }
  }

  /// It begins anew in a while: its consumer was reset, or the database is away, of which others
  /// tell. Anything else is for somebody to look at.
  func interrupted(_ error: ProgressorError, next pause: Duration) {
    if error.code == .unavailable || error.reason == .consumerReset
      || error.reason == .consumerNotFound
    {
      logger.debug("the sink begins anew", metadata: ["error": "\(error.message)"])
    } else {
      failed(error.message, next: pause)
    }
  }
}
