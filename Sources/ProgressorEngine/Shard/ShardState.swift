/// A shard that this node owns.
struct ShardState {
  let epoch: Int64
  /// Its machines in memory.
  var machines: Set<ResidentMachine> = []
  private var counter: Int64 = 0

  init(epoch: Int64) { self.epoch = epoch }

  /// A number that no owner of this shard has used or will use: the epoch in the upper half, a
  /// counter in the lower. So neither keys nor sequences need a row that every commit would update.
  mutating func nextSerial() -> Int64 {
    counter += 1
    return epoch << 32 | counter
  }
}
