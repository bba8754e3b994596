/// A shard that this node owns.
struct ShardState {
  let epoch: Int64
  /// Its machines in memory.
  var machines: Set<ResidentMachine> = []
  private var counter: UInt32

  /// - Parameter counter: The last number that was given out under this epoch.
  init(epoch: Int64, counter: UInt32 = 0) {
    self.epoch = epoch
    self.counter = counter
  }

  /// Epochs for which there is room in a serial.
  private static let epochs: ClosedRange<Int64> = 0...Int64(Int32.max)

  /// A positive number that no owner of this shard has used or will use: 31 bits of epoch, then 32
  /// bits that count from 1. So neither keys nor sequences need a row that every commit would
  /// update, and whatever a later owner gives out is larger.
  ///
  /// Nil when all of this epoch are used up: nothing that needs one begins until the shard has
  /// another owner. A number beyond the counter's bits would be the next owner's.
  mutating func nextSerial() -> Int64? {
    guard Self.epochs.contains(epoch), counter < .max else { return nil }
    counter += 1
    return epoch << 32 | Int64(counter)
  }
}
