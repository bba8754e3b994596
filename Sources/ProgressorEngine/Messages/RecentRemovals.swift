import DequeModule
import MachineModel

/// Machines that were removed while messages were being read, and took some of theirs along: what
/// was read before that may be in the database no more.
struct RecentRemovals {
  private struct Sender: Hashable {
    let shard: ShardID
    let machine: MachineKey
  }

  private struct Removal {
    /// Of the loads under way those that began before it have lower ones.
    let number: UInt64
    let sender: Sender
    /// What was due later went along.
    let forgotten: Timestamp
  }

  private var bySender: [Sender: Removal] = [:]
  /// By number.
  private var inOrder: Deque<Removal> = []

  /// The record is durable now.
  mutating func add(_ record: CommitRecord, number: UInt64) {
    guard let forgotten = record.forgotten else { return }
    let removal = Removal(
      number: number, sender: Sender(shard: record.shard, machine: record.key),
      forgotten: forgotten)
    assert(inOrder.last.map { $0.number < number } ?? true, "numbers grow")
    bySender[removal.sender] = removal
    inOrder.append(removal)
  }

  /// Whether the message, which this load brought, went along with its machine.
  func took(_ row: MessageRow, from load: LoadID) -> Bool {
    guard let removal = bySender[Sender(shard: row.ref.shard, machine: row.ref.machine)] else {
      return false
    }
    return load.number < removal.number && row.pending.deliverAt > removal.forgotten
  }

  var isEmpty: Bool { inOrder.isEmpty }

  /// No load is under way that began before this one; nil = none is.
  mutating func forget(before oldest: LoadID?) {
    while let first = inOrder.first, oldest.map({ first.number < $0.number }) ?? true {
      inOrder.removeFirst()
      if bySender[first.sender]?.number == first.number { bySender[first.sender] = nil }
    }
  }
}
