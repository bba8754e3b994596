import Logging
import MachineModel
import PostgreSQL
import ProgressorEngine

/// Takes the shards of nodes whose lease is over, and those without an owner.
struct Takeover {
  let node: SQLUUID
  let isExclusive: Bool
  let timeout: Duration
  let logger: Logger

  /// How long a dead node's open batch is waited for before its session is ended.
  private static let lockTimeout = "300"
  private static let attempts = 3

  /// Everything that `node` owns afterwards. Throws PGF01 when its own lease is over.
  func run(on connection: Connection) throws(PostgreSQLError) -> [ShardGrant] {
    let expired = try connection.run(
      Statements.expiredNodes,
      .with {
        $0.append(node)
        $0.append(isExclusive)
      }, timeout: timeout)
    for row in expired { try takeOver(try row.value(0), on: connection) }
    _ = try connection.run(Statements.claim, .with { $0.append(node) }, timeout: timeout)
    let owned = try connection.run(
      Statements.owned, .with { $0.append(node) }, timeout: timeout)
    var grants: [ShardGrant] = []
    for row in owned {
      grants.append(ShardGrant(shard: ShardID(try row.value(0)), epoch: try row.value(1)))
    }
    return grants
  }

  private func takeOver(_ dead: SQLUUID, on connection: Connection) throws(PostgreSQLError) {
    var pipeline = Pipeline()
    pipeline.append(Statements.sessionLockTimeout, .with { $0.append(Self.lockTimeout) })
    pipeline.append(
      Statements.takeOver,
      .with {
        $0.append(node)
        $0.append(dead)
        $0.append(isExclusive)
      })
    for _ in 0..<Self.attempts {
      do {
        let taken = try connection.run(pipeline, timeout: timeout)[1]
        logger.notice(
          "a node's shards were taken over",
          metadata: ["node": "\(dead)", "shards": "\(taken.count)"])
        return
      } catch {
        guard error.sqlState == .lockNotAvailable else { throw error }
        let ended = try connection.run(
          Statements.sessionEndOthers,
          .with { $0.append(SessionName.writers(of: dead)) }, timeout: timeout)
        let count: Int64 = try ended.onlyRow().value(0)
        logger.warning(
          "sessions of a dead node held its locks and were ended",
          metadata: ["node": "\(dead)", "sessions": "\(count)"])
      }
    }
  }
}
