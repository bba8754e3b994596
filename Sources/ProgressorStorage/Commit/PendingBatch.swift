import PostgreSQL
import ProgressorEngine

/// A batch with the lease under which the engine made it. A batch of an earlier lease is never
/// written under a later one: other nodes may have owned its machines in between.
struct PendingBatch: Sendable {
  var batch: CommitBatch
  var node: SQLUUID?
}

extension CommitBatch {
  /// Whether it leaves something to be swept.
  var removesMachines: Bool {
    records.contains(where: \.removesMachine)
  }
}
