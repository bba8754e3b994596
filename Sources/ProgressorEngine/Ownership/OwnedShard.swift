import MachineModel

/// A shard that this node owns, under the epoch of one assignment. Its machines in memory refer to
/// it; a later assignment of the same shard is another object.
final class OwnedShard {
  let id: ShardID
  /// Grows with each assignment: the fencing token.
  let epoch: Int64
  /// Its machines in memory.
  private(set) var machines: Set<ResidentMachine> = []
  private var counter: UInt32

  /// - Parameter counter: The last number that was given out under this epoch.
  init(_ id: ShardID, epoch: Int64, counter: UInt32 = 0) {
    self.id = id
    self.epoch = epoch
    self.counter = counter
  }

  func insert(_ machine: ResidentMachine) {
    let isNew = machines.insert(machine).inserted
    assert(isNew, "a machine is the shard's once")
  }

  func remove(_ machine: ResidentMachine) {
    let removed = machines.remove(machine)
    assert(removed === machine, "who leaves a shard was the shard's")
  }

  /// Epochs for which there is room in a serial.
  private static let epochs: ClosedRange<Int64> = 0...Int64(Int32.max)

  /// A positive number that no owner of this shard has used or will use: 31 bits of epoch, then 32
  /// bits that count from 1. So neither keys nor sequences need a row that every commit would
  /// update, and whatever a later owner gives out is larger.
  ///
  /// Nil when all of this epoch are used up: nothing that needs one begins until the shard has
  /// another owner. A number beyond the counter's bits would be the next owner's.
  func nextSerial() -> Int64? {
    guard Self.epochs.contains(epoch), counter < .max else { return nil }
    counter += 1
    return epoch << 32 | Int64(counter)
  }
}
