import PostgreSQL

/// How sessions are named in `pg_stat_activity`: with the node's id, so that a takeover finds the
/// frozen sessions of the dead node, and with what they do. At most 63 bytes are kept.
enum SessionName {
  /// The beginning that all sessions of a node's writers have.
  static func writers(of node: SQLUUID) -> String { "progressor/\(node)/writer/" }

  /// The writer connection of a slot. The end mark keeps slot 1 apart from slot 10.
  static func writer(of node: SQLUUID, slot: Int) -> String { "\(writers(of: node))\(slot)/" }
}
