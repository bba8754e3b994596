import PostgreSQL
import Synchronization

/// How each writer fares with its batch, for the lease keeper: a node whose commits are stuck must
/// not keep its lease alive. Times on `LocalClock.uptime`.
final class CommitProgress: Sendable {
  private struct Batch {
    /// When it was begun, or the database last gave a sign that it is not to blame for a delay.
    var lastSign: Int64
    /// When some of it last left for the database, or the database was done with a part of it; nil
    /// = that is not known, or says nothing.
    var lastMove: Int64?
    /// The session that it was handed to.
    var backend: BackendIdentity?

    var lastLife: Int64 { max(lastSign, lastMove ?? lastSign) }
  }

  private struct State {
    var batches: [Int: Batch] = [:]
    /// Why, by slot.
    var delayed: [Int: String] = [:]
  }

  /// A session that a batch was handed to.
  struct Session {
    var slot: Int
    var backend: BackendIdentity
  }

  private let state = Mutex(State())
  /// What the writers delete beside their batches.
  let swept = SweptBoard()
  /// What they tell those who follow along.
  let feed = FeedBoard()

  func begin(slot: Int, at time: Int64) {
    state.withLock { $0.batches[slot] = Batch(lastSign: time) }
  }

  /// The batch of this slot is handed to this session; nil = to none.
  func hand(slot: Int, to backend: BackendIdentity?) {
    state.withLock { $0.batches[slot]?.backend = backend }
  }

  /// The database is at work on the batch of this slot, or says that it takes none from any node.
  func sign(slot: Int, at time: Int64) {
    state.withLock { state in
      guard let last = state.batches[slot]?.lastSign else { return }
      state.batches[slot]?.lastSign = max(last, time)
    }
  }

  /// The batch of this slot is on its way, and gets on.
  func move(slot: Int, at time: Int64) {
    state.withLock { $0.batches[slot]?.lastMove = time }
  }

  /// That the batch of this slot got on says nothing: it ends the same each time.
  func forgetMoves(slot: Int) {
    state.withLock { $0.batches[slot]?.lastMove = nil }
  }

  /// The database does not take the batch of this slot.
  func delay(slot: Int, cause: String) {
    state.withLock { $0.delayed[slot] = cause }
  }

  func end(slot: Int) {
    state.withLock { state in
      state.batches[slot] = nil
      state.delayed[slot] = nil
    }
  }

  /// Why the database does not take the batch of some slot; nil = it takes all.
  var delay: String? {
    state.withLock { state in state.delayed.min { $0.key < $1.key }?.value }
  }

  /// The least recent of the last signs; nil = no batch is in flight.
  var oldest: Int64? { state.withLock { $0.batches.values.map(\.lastLife).min() } }

  func lastSign(slot: Int) -> Int64? { state.withLock { $0.batches[slot]?.lastLife } }

  /// Sessions that have a batch, and have given no sign since `time`.
  func sessions(silentSince time: Int64) -> [Session] {
    state.withLock { state in
      state.batches.compactMap { slot, batch in
        guard batch.lastLife <= time, let backend = batch.backend else { return nil }
        return Session(slot: slot, backend: backend)
      }
    }
  }
}
