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
      let place = NodeMachine(node: node, machine: record.machine)
      if refusal != nil { aside.insert(place) }
      if case .requeue = record.row { continue }
      if record.endsMessage { continue }
      switch refusal?.fault {
      case nil:
        postponed[place] = nil
        aside.remove(place)
      case .overdue? where batch.records.count == 1: postponed[place] = epoch(record.shard)
      case .locked(let machines)? where machines.contains(record.machine):
        postponed[place] = epoch(record.shard)
      // There is nothing left to write it to: its caller hears so, and a Start may come again.
      case .namespaceGone? where batch.records.count == 1: postponed[place] = nil
      case .contents?, .conflict?, .duplicate?, .overdue?, .locked?, .namespaceGone?: break
      }
    }
  }

  /// The engine had no room for an answer that it kept: some processor may be asked again.
  mutating func gaveUp(_ engine: EngineConfiguration, of node: Int) {
    for key in postponed.keys where key.node == node {
      let shard = ShardID(of: key.machine, shards: engine.shards)
      if engine.part.contains(shard) { postponed[key] = nil }
    }
  }
}
