import Logging
import MachineModel
import PostgreSQL
import ProgressorEngine

/// Takes the shards of nodes whose lease is over, and those without an owner.
struct Takeover {
  let node: SQLUUID
  let isExclusive: Bool
  /// Of the own lease.
  let leaseDuration: Duration
  let logger: Logger

  /// A node whose lease is over, and what people call it.
  private struct DeadNode {
    let id: SQLUUID
    let name: String
  }

  private static let attempts = 3
  private var timeout: Duration { leaseDuration / 2 }

  /// How long a dead node's open batch is waited for before its session is ended: `lock_timeout`
  /// (PostgreSQL manual, 20.11), in milliseconds.
  private var lockTimeout: Int64 { min(300, leaseDuration.microseconds / 10_000) }

  /// Everything that `node` owns afterwards. Throws PGF01 when its own lease is over.
  func run(on connection: Connection) throws(PostgreSQLError) -> [ShardGrant] {
    let expired = try connection.run(
      Statements.expiredNodes,
      .with {
        $0.append(node)
        $0.append(isExclusive)
      }, timeout: timeout)
    let dead = try expired.map { (row) throws(PostgreSQLError) -> DeadNode in
      DeadNode(id: try row.value(0), name: try row.value(1))
    }
    // The own lease has to be renewed in between: many frozen nodes are taken over in several
    // looks, in no order, so that none is always the last.
    let end = LocalClock.uptime() + leaseDuration.microseconds / 6
    for node in dead.shuffled() where LocalClock.uptime() < end {
      try takeOver(node, on: connection)
    }
    _ = try connection.run(Statements.claim, .with { $0.append(node) }, timeout: timeout)
    let owned = try connection.run(
      Statements.owned, .with { $0.append(node) }, timeout: timeout)
    var grants: [ShardGrant] = []
    for row in owned {
      grants.append(ShardGrant(shard: ShardID(try row.value(0)), epoch: try row.value(1)))
    }
    return grants
  }

  private func takeOver(_ dead: DeadNode, on connection: Connection) throws(PostgreSQLError) {
    var pipeline = Pipeline()
    pipeline.append(Statements.sessionLockTimeout, .with { $0.append("\(lockTimeout)") })
    pipeline.append(
      Statements.takeOver,
      .with {
        $0.append(node)
        $0.append(dead.id)
        $0.append(isExclusive)
      })
    for _ in 0..<Self.attempts {
      do {
        let taken = try connection.run(pipeline, timeout: timeout)[1]
        logger.notice(
          "a node's shards were taken over",
          metadata: [
            "node": "\(dead.name)", "lease": "\(dead.id)", "shards": "\(taken.count)",
          ])
        return
      } catch {
        guard error.sqlState == .lockNotAvailable else { throw error }
        let ended = try connection.run(
          Statements.sessionEndOthers,
          .with { $0.append(SessionName.writers(of: dead.id)) }, timeout: timeout)
        let count: Int64 = try ended.onlyRow().value(0)
        logger.warning(
          "sessions of a dead node held its locks and were ended",
          metadata: [
            "node": "\(dead.name)", "lease": "\(dead.id)", "sessions": "\(count)",
          ])
      }
    }
  }
}
