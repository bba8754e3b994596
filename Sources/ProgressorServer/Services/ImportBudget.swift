import MachineModel
import Synchronization

/// The bytes of the machines that are just being imported, of all streams of the node together:
/// from their first piece to their commit.
final class ImportBudget: Sendable {
  /// No machine can have more, either.
  let maximum: Int
  private let held = Mutex(0)
  private let refusals = Mutex(0)

  /// What of it is used.
  struct Statistics: Sendable {
    var maximum: Int
    var used: Int
    /// Machines that had no room.
    var refused: Int
  }

  init(maximum: Int) {
    self.maximum = maximum
  }

  /// What is used now.
  var statistics: Statistics {
    Statistics(
      maximum: maximum, used: held.withLock { $0 }, refused: refusals.withLock { $0 })
  }

  /// Takes so many more. Throws OVERLOADED when they have no room.
  func hold(_ bytes: Int) throws(ProgressorError) {
    let hasRoom = held.withLock { held in
      guard bytes <= maximum - held else { return false }
      held += bytes
      return true
    }
    if hasRoom { return }
    refusals.withLock { $0 += 1 }
    throw .overloaded("the machines that are just being imported take limits.import_size")
  }

  func release(_ bytes: Int) {
    held.withLock { held in
      assert(held >= bytes, "no more is given back than was held")
      held -= bytes
    }
  }
}
