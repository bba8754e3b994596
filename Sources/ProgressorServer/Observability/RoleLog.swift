import Logging
import ProgressorEngine

/// Whether a node is active, with shards of its own, or stands by until those of another are free.
/// A value.
struct NodeRole {
  /// What is worth a line.
  enum News: Hashable {
    case active(shards: Int)
    case standby
  }

  /// nil = not told yet.
  private var isActive: Bool?
  /// Renewals of a lease without shards: a node that has just begun takes some before the second.
  private var renewalsWithout = 0

  /// - Parameter shards: How many the node has after the input.
  mutating func observe(_ input: Input, shards: Int) -> News? {
    if case .leaseRenewed = input, shards == 0 { renewalsWithout += 1 }
    if shards > 0 {
      renewalsWithout = 0
      guard isActive != true else { return nil }
      isActive = true
      return .active(shards: shards)
    }
    guard isActive == true || isActive == nil && renewalsWithout > 1 else { return nil }
    isActive = false
    return .standby
  }
}

/// Tells the log of a node's role.
struct RoleLog: Sendable {
  let logger: Logger

  func tell(_ news: NodeRole.News) {
    switch news {
    case .active(let shards):
      logger.notice(
        "became active: this node has shards now", metadata: ["shards": "\(shards)"])
    case .standby: logger.notice("became standby: other nodes may have all shards")
    }
  }
}
