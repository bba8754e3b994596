import PostgreSQL

/// Under which a batch is written: one writer connection of one lease, and how often it was
/// renewed.
struct WriterIdentity: Equatable {
  var node: SQLUUID
  var slot: Int
  /// Raised by each new connection; an older connection's batch is then fenced.
  var epoch: Int64
}
