import MachineModel
import ProgressorEngine

/// Answers of processors that cannot be written now: they are kept, and nobody is asked again.
extension Ledger {
  /// A batch was written, or refused. A step that is refused alone, though it may be written later,
  /// or since its machine's row is locked, must be the machine's next one in the database, as long
  /// as its node keeps the shard.
  mutating func tried(
    _ batch: CommitBatch, by node: Int, _ refusal: CommitRefusal?, epoch: (ShardID) -> Int64
  ) {
    for record in batch.records {
      if case .requeue = record.row { continue }
      let place = NodeMachine(node: node, machine: record.machine)
      switch refusal?.fault {
      case nil: postponed[place] = nil
      case .overdue? where batch.records.count == 1: postponed[place] = epoch(record.shard)
      case .locked(let machines)? where machines.contains(record.machine):
        postponed[place] = epoch(record.shard)
      case .contents?, .conflict?, .duplicate?, .overdue?, .locked?: break
      }
    }
  }

  /// The node had no room for an answer that it kept: some processor may be asked again.
  mutating func gaveUp(_ node: Int) {
    for key in postponed.keys where key.node == node { postponed[key] = nil }
  }
}
