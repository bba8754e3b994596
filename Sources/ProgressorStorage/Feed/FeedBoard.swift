import MachineModel
import Synchronization

/// Tells who follows the feed of which shards something was committed here. From any thread.
final class FeedBoard: Sendable {
  private let follower = Mutex<(@Sendable ([ShardID]) -> Void)?>(nil)

  /// Has `body` called from now on; it must not block. nil = nobody follows.
  func follow(_ body: (@Sendable ([ShardID]) -> Void)?) {
    follower.withLock { $0 = body }
  }

  /// These shards have new entries.
  func tell(_ shards: [ShardID]) {
    if let body = follower.withLock({ $0 }) { body(shards) }
  }
}
