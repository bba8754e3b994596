import Synchronization

/// How storage fares, for health checks and people.
public struct StorageStatus: Sendable, Hashable {
  /// The database answers on every session, the lease is held and every batch is taken.
  public var isAvailable = false
  /// Shards that this node owns; 0 on a standby.
  public var shards = 0
  /// Microseconds by which the database's clock is ahead of this machine's, as of the last renewal:
  /// add it to `LocalClock.wall` for `Moment.wall`.
  public var clockOffset: Int64 = 0
  /// Sessions with the database that are needed and cannot be had now.
  public var missingSessions = 0
  /// Why the lease could not be kept at the last attempt, or what the database does not take; nil =
  /// it could, and it takes everything. Machines that cannot be written, and hinder no others, are
  /// a problem too, in spite of which storage is available.
  public var problem: String?
  /// Rows that this node deleted since their time was over.
  public var swept = SweptRows()

  public init() {}
}

/// Where the threads of storage write down how they fare.
final class StatusBoard: Sendable {
  private struct State {
    var offset: Int64 = 0
    var until: Int64 = .min
    var problem: String?
  }

  private let state = Mutex(State())

  func renewed(clockOffset: Int64, until: Int64) {
    state.withLock { $0 = State(offset: clockOffset, until: until, problem: nil) }
  }

  func leaseFailed(_ problem: String) {
    state.withLock { $0.problem = problem }
  }

  var clockOffset: Int64 { state.withLock { $0.offset } }

  /// - Parameter now: on `LocalClock.uptime`.
  func status(
    now: Int64, lease: LeaseState, progress: CommitProgress, damage: DamageBoard,
    sessions: SessionBoard
  ) -> StorageStatus {
    let state = state.withLock { $0 }
    var status = StorageStatus()
    status.shards = lease.shardCount
    status.clockOffset = state.offset
    status.problem = state.problem ?? progress.delay
    status.missingSessions = sessions.missingCount
    status.swept = progress.swept.latest
    status.isAvailable =
      status.problem == nil && !damage.isSpreading && now < state.until && lease.node != nil
      && status.missingSessions == 0
    if status.problem == nil { status.problem = damage.problem }
    return status
  }
}
