import PostgreSQL

/// Under which a batch is written: one writer connection of one lease, and how often it was
/// renewed.
struct WriterIdentity: Equatable {
  var node: SQLUUID
  var slot: Int
  /// Raised by each new connection; an older connection's batch is then fenced.
  var epoch: Int64
}

extension Pipeline {
  /// Stops the transaction here unless it still is this writer's turn: first in all that writes.
  ///
  /// - Parameter limit: of each statement that follows; the server cancels it then (57014).
  mutating func append(fenceOf identity: WriterIdentity, limit: Duration) {
    append(
      Statements.fence,
      .with {
        $0.append(identity.node)
        $0.append(Int32(identity.slot))
        $0.append(identity.epoch)
        $0.append("\(limit.microseconds / 1_000)")
      })
  }
}
