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
  private struct State {
    var statistics: SinkStatistics
    /// The last delivery failed.
    var isRefused = false
    /// What keeps it from delivering at all.
    var isTroubled = false
    /// What a later version has to deliver.
    var held: Set<ShardID> = []
    /// How often it has begun in vain.
    var interruptions = 0

    var isFailing: Bool { isRefused || isTroubled || !held.isEmpty }
  }

  private let state: Mutex<State>
  private let logger: Logger

  /// Entries that are named in a line of the log.
  private static let named = 20
  /// Beginnings in vain before it is worth a warning that the database is away.
  private static let quietInterruptions = 10

  init(_ name: String, logger: Logger) {
    state = Mutex(State(statistics: SinkStatistics(name: name)))
    var logger = logger
    logger[metadataKey: "sink"] = "\(name)"
    self.logger = logger
  }

  var statistics: SinkStatistics {
    state.withLock { state in
      var statistics = state.statistics
      statistics.isFailing = state.isFailing
      return statistics
    }
  }

  func delivered(_ count: Int) {
    if count > 0 { state.withLock { $0.statistics.delivered += UInt64(count) } }
  }

  // What is passed over

  /// One line, however many they are.
  func parked(_ entries: [(entry: FeedEntry, reason: String)]) {
    guard let (entry, reason) = entries.first else { return }
    state.withLock { $0.statistics.parked += UInt64(entries.count) }
    let numbers = entries.prefix(Self.named)
      .map { "\($0.entry.shard.number)-\($0.entry.sequence)" }.joined(separator: " ")
    logger.error(
      "entries of the feed can never be delivered and are passed over",
      metadata: [
        "entries": "\(entries.count)", "numbers": "\(numbers)",
        "namespace": "\(entry.machine.namespace)", "machine": "\(entry.machine.id)",
        "reason": "\(reason)",
      ])
  }

  /// An entry that cannot be read.
  func parked(_ omission: FeedOmission, of shard: ShardID, because problem: String) {
    state.withLock { $0.statistics.parked += 1 }
    logger.error(
      "an entry of the feed cannot be read and is passed over",
      metadata: [
        "shard": "\(shard.number)", "sequence": "\(omission.sequence)",
        "namespace": "\(omission.machine.namespace)", "machine": "\(omission.machine.id)",
        "reason": "\(problem)",
      ])
  }

  /// Entries up to there are not kept any more, of whatever namespaces.
  func missed(_ shard: ShardID, after sequence: Int64, upTo gone: Int64) {
    logger.error(
      "entries of the feed went before the sink had come to them: some may have been for it",
      metadata: ["shard": "\(shard.number)", "after": "\(sequence)", "up_to": "\(gone)"])
  }

  // What goes wrong

  /// The first failure after a success is worth a warning, the others that follow are not.
  func failed(_ failure: String, next pause: Duration) {
    let wasRefused = state.withLock { state in
      defer { state.isRefused = true }
      state.statistics.failures += 1
      return state.isRefused
    }
    let metadata: Logger.Metadata = ["error": "\(failure)", "next_attempt_in": "\(pause)"]
    if wasRefused {
      logger.debug("the sink still cannot deliver", metadata: metadata)
    } else {
      logger.warning("the sink cannot deliver", metadata: metadata)
    }
  }

  func succeeded() {
    let wasRefused = state.withLock { state in
      defer { state.isRefused = false }
      return state.isRefused
    }
    if wasRefused { logger.notice("the sink delivers again") }
  }

  /// A later version wrote what follows in the shard: the others go on.
  func held(_ shard: ShardID, at sequence: Int64, because what: String) {
    let isNew = state.withLock { $0.held.insert(shard).inserted }
    guard isNew else { return }
    logger.warning(
      "the sink leaves a shard to a later version, which wrote what follows",
      metadata: ["shard": "\(shard.number)", "sequence": "\(sequence)", "reason": "\(what)"])
  }

  /// It begins anew in a while: its consumer was reset, or the database is away, of which others
  /// tell at first. Anything else is for somebody to look at.
  func interrupted(_ error: ProgressorError) {
    let isQuiet =
      error.code == .unavailable || error.reason == .consumerReset
      || error.reason == .consumerNotFound
    let isLong = state.withLock { state in
      state.interruptions += 1
      return state.interruptions >= Self.quietInterruptions
    }
    if isQuiet, !isLong {
      logger.debug("the sink begins anew", metadata: ["error": "\(error.message)"])
    } else {
      troubled(error)
    }
  }

  /// Whether something keeps it from reading what there is to deliver; nil = nothing does any more.
  func troubled(_ error: ProgressorError?) {
    let wasTroubled = state.withLock { state in
      defer { state.isTroubled = error != nil }
      if error != nil { state.statistics.failures += 1 }
      return state.isTroubled
    }
    switch (error, wasTroubled) {
    case (let error?, false):
      logger.warning("the sink cannot deliver", metadata: ["error": "\(error.message)"])
    case (nil, true): logger.notice("the sink goes on")
    case (_?, true), (nil, false): return
    }
  }

  /// It knows where to go on.
  func begun() {
    state.withLock { state in
      state.interruptions = 0
      state.held = []
    }
    troubled(nil)
  }

  /// Others deliver, or nobody: what was wrong here says nothing any more.
  func ended() {
    state.withLock { state in
      state.isRefused = false
      state.isTroubled = false
      state.held = []
      state.interruptions = 0
    }
  }
}
