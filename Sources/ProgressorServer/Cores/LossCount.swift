import ProgressorEngine
import Synchronization

/// Which losses of shards every engine has handled: until all have, effects from before may be on
/// their way.
///
/// Each engine hears of each loss, in the same order, also when it had none of the shards.
final class LossCount: Sendable {
  /// By core.
  private let handled: Mutex<[UInt64]>

  init(cores: Int) {
    handled = Mutex(Array(repeating: 0, count: cores))
  }

  /// A core has handled its next loss. True when it was the last one to handle that.
  func handled(by core: CoreNumber) -> Bool {
    handled.withLock { counts in
      let before = counts.min()
      counts[Int(core.number)] += 1
      return counts.min() != before
    }
  }
}
