import MachineModel
import ProgressorEngine

/// Whether this node can serve machines: it holds its lease, owns shards, has all its sessions with
/// the database, and that takes what it commits. A value; `now` is an argument.
struct ServingState {
  private(set) var ownedShards: Set<Int32> = []
  private var leaseUntil: Int64?
  /// Batches that the database does not take at the moment.
  private var delayed: Set<BatchID> = []
  /// Since when a session with the database is missing: each is needed by some request. nil = all
  /// are there.
  private var sessionsMissingSince: Int64?
  /// Set for good when the node begins to stop.
  var isStopping = false

  /// A session that comes back within this, in microseconds, costs a request no more than that:
  /// health does not flap for it, nor do load balancers.
  static let sessionPatience: Int64 = 2_500_000

  /// A session is missing, or none is any more.
  mutating func sessionsChanged(areThere: Bool, at uptime: Int64) {
    sessionsMissingSince = areThere ? nil : sessionsMissingSince ?? uptime
  }

  /// - Returns: true when it may change the answer: most batches that are durable were never late.
  @discardableResult
  mutating func observe(_ input: Input) -> Bool {
    switch input {
    case .leaseRenewed(let until): leaseUntil = until
    case .shardsAcquired(let grants): ownedShards.formUnion(grants.map(\.shard.number))
    case .shardsLost(let shards): ownedShards.subtract(shards.map(\.number))
    case .commitDelayed(let batch): delayed.insert(batch)
    case .committed(let batch), .refused(let batch, _), .fenced(let batch):
      return delayed.remove(batch) != nil
    case .request, .cancelled, .loaded, .listed, .traceRead, .due, .messagesDue, .messagesLoaded,
      .delivered, .processorAnswered, .endpointReady, .permits, .namespacesChanged, .timePassed:
      return false
    }
    return true
  }

  /// Whether machines are served at `uptime`.
  func isServing(at uptime: Int64) -> Bool {
    guard let end, !isStopping else { return false }
    return uptime < end && !ownedShards.isEmpty && delayed.isEmpty
  }

  /// Why they are not, in a line; nil = they are.
  func obstacle(at uptime: Int64) -> String? {
    if isServing(at: uptime) { return nil }
    if isStopping { return "the server is stopping" }
    if let sessionsMissingSince, uptime >= sessionsMissingSince + Self.sessionPatience {
      return "a session with the database is missing"
    }
    guard let leaseUntil else { return "the lease has not begun" }
    if uptime >= leaseUntil { return "the lease is over: the database does not answer" }
    if ownedShards.isEmpty { return "standby: other nodes have all shards" }
    return "the database does not take what is committed"
  }

  /// When that ends unless the lease is renewed and all sessions are there; nil = it does not hold
  /// now.
  func endsServing(at uptime: Int64) -> Int64? {
    isServing(at: uptime) ? end : nil
  }

  private var end: Int64? {
    guard let leaseUntil, let sessionsMissingSince else { return leaseUntil }
    return min(leaseUntil, sessionsMissingSince + Self.sessionPatience)
  }
}
