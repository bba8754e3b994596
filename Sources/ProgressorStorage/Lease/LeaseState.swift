import MachineModel
import PostgreSQL
import ProgressorEngine
import Synchronization

/// What the threads of storage share about the lease: whose it is, which shards it covers, which
/// database it is about. Every change of it is told to the engine in the order in which it happens,
/// by whichever thread finds it out.
final class LeaseState: Sendable {
  private struct State {
    /// The node that holds the lease; nil = none does.
    var node: SQLUUID?
    var grants: [ShardID: Int64] = [:]
    /// Losses that the engine was told and has not acknowledged: batches from before may be under
    /// way, so no new lease may begin, under which they would be written.
    var unacknowledgedLosses = 0
    /// No lease begins before, on `LocalClock.uptime`.
    var restsUntil: Int64?
    /// When a misfit was last met after a lease had been given up over one, or that was given up.
    var yieldedAt: Int64?
    var facts: ServerFacts?
    /// The last transaction of the database that was acknowledged to us.
    var lastTransaction: Int64 = 0
    /// How often the database turned out not to be the one that was known.
    var replacements = 0
  }

  private let state = Mutex(State())
  private let deliver: @Sendable (Input) -> Void

  init(deliver: @escaping @Sendable (Input) -> Void) {
    self.deliver = deliver
  }

  /// Whose lease it is; nil = nobody's.
  var node: SQLUUID? { state.withLock { $0.node } }

  var shardCount: Int { state.withLock { $0.grants.count } }

  var mayBegin: Bool {
    state.withLock { state in
      let rests = state.restsUntil.map { LocalClock.uptime() < $0 } ?? false
      return state.unacknowledgedLosses == 0 && !rests
    }
  }

  /// So many leases without a misfit, and the next one has another cause.
  private static let leasesUntilAnotherCause: Int64 = 60

  /// The database does not know, or not allow, what a batch does, at `now` on `LocalClock.uptime`.
  /// True if another node may do better: should this lease end, none begins here for twice its
  /// duration, `lease` in microseconds. False if a lease was given up for that before: nobody did
  /// better.
  func meetsMisfit(at now: Int64, lease: Int64) -> Bool {
    state.withLock { state in
      if let last = state.yieldedAt, now - last < Self.leasesUntilAnotherCause * lease {
        state.yieldedAt = now
        return false
      }
      state.yieldedAt = nil
      state.restsUntil = now + 2 * lease
      return true
    }
  }

  /// A batch that met a misfit was written.
  func misfitIsOver() {
    state.withLock { state in
      state.restsUntil = nil
      state.yieldedAt = nil
    }
  }

  /// Ends the lease of `node`, because its batches make no progress.
  func giveUp(_ node: SQLUUID, at now: Int64) {
    state.withLock { state in
      guard state.node == node else { return }
      if let rest = state.restsUntil, now < rest { state.yieldedAt = now }
      end(&state)
    }
  }

  func holds(_ node: SQLUUID) -> Bool { state.withLock { $0.node == node } }

  /// A lease begins, without shards.
  func begin(_ node: SQLUUID) {
    state.withLock { $0.node = node }
  }

  /// The lease was renewed; `until` on `LocalClock.uptime`.
  func renewed(_ node: SQLUUID, until: Int64) {
    state.withLock { state in
      if state.node == node { deliver(.leaseRenewed(until: until)) }
    }
  }

  /// Takes over what the node owns by the database; only new shards are told.
  func own(_ node: SQLUUID, _ grants: [ShardGrant]) {
    state.withLock { state in
      guard state.node == node else { return }
      let new = grants.filter { state.grants[$0.shard] == nil }
      if new.isEmpty { return }
      for grant in new { state.grants[grant.shard] = grant.epoch }
      deliver(.shardsAcquired(new))
    }
  }

  /// The lease of `node` is over. False when it was over already.
  @discardableResult
  func end(_ node: SQLUUID) -> Bool {
    state.withLock { state in
      guard state.node == node else { return false }
      end(&state)
      return true
    }
  }

  private func end(_ state: inout State) {
    state.node = nil
    let shards = state.grants.keys.sorted()
    state.grants = [:]
    if shards.isEmpty { return }
    state.unacknowledgedLosses += 1
    deliver(.shardsLost(shards))
  }

  /// The engine has dropped what it was told to drop, and its effects from before are performed.
  func acknowledgeLoss() {
    state.withLock { $0.unacknowledgedLosses = max(0, $0.unacknowledgedLosses - 1) }
  }

  /// The facts that the next look at the database is to be compared with: read them before the
  /// look, since another thread may learn later ones meanwhile.
  var lastFacts: ServerFacts? { state.withLock { $0.facts } }

  /// How often the database turned out to be another one or another server's. A session from before
  /// may reach the earlier server, which may live on: nothing must be read through it any more.
  var replacements: Int { state.withLock { $0.replacements } }

  /// The database has acknowledged a batch of `node`, as this transaction.
  func committed(transaction: Int64, of node: SQLUUID) {
    state.withLock { state in
      if state.node == node { state.lastTransaction = max(state.lastTransaction, transaction) }
    }
  }

  /// Compares what a server says of itself with what was known before it was asked. If the two are
  /// not one history, the lease ends in the same instant: no thread can write under it any more.
  func observe(_ facts: ServerFacts, since before: ServerFacts?) -> ServerFacts.Continuity {
    state.withLock { state in
      guard let before, Safeguard.timelineCheck.isOn else {
        if state.facts == nil { state.facts = facts }
        return .unbroken
      }
      var continuity = facts.continuity(since: before)
      if continuity == .unbroken {
        // Another thread may have learned later ones since, or those of another database.
        if let known = state.facts, facts.continuity(since: known) == .unbroken {
          state.facts = facts
        }
        return .unbroken
      }
      if continuity == .promoted, facts.nextTransaction <= state.lastTransaction {
        continuity = .wentBack(
          reason: "another server was promoted that has not got transaction "
            + "\(state.lastTransaction): its next one is \(facts.nextTransaction)")
      }
      state.facts = facts
      state.lastTransaction = 0
      state.replacements += 1
      end(&state)
      return continuity
    }
  }
}
