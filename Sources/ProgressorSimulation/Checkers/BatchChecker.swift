import MachineModel
import ProgressorEngine

/// The rules of a batch where an engine emits it.
enum BatchChecker {
  static func check(
    _ batch: CommitBatch, configuration: EngineConfiguration, owned: [ShardID: Int64],
    busy: Bool
  ) throws(Violation) {
    try require(!busy, .batchRules, "slot \(batch.slot) has two batches in flight")
    try require(!batch.records.isEmpty, .batchRules, "an empty batch")
    let cores = Int(configuration.part.cores)
    try require(
      (0..<configuration.slots * cores).contains(batch.slot)
        && batch.slot % cores == Int(configuration.part.core.number), .batchRules,
      "there is no slot \(batch.slot)")
    try require(
      batch.records.count <= CommitBatch.maximumRecords, .bounds,
      "a batch of \(batch.records.count) records")
    let bytes = batch.records.reduce(0) { $0 + $1.bytes }
    try require(
      bytes <= CommitBatch.maximumBytes || batch.records.count == 1, .bounds,
      "a batch of \(bytes) bytes")
    var changed: Set<MachineID> = []
    for record in batch.records {
      try check(record, slot: batch.slot, configuration, owned)
      if changesRow(record.row) {
        try require(
          changed.insert(record.machine).inserted, .batchRules,
          "\(record.machine): two records of a batch change its row")
      }
    }
  }

  private static func check(
    _ record: CommitRecord, slot: Int, _ configuration: EngineConfiguration,
    _ owned: [ShardID: Int64]
  ) throws(Violation) {
    try require(
      record.shard == ShardID(of: record.machine, shards: configuration.shards), .batchRules,
      "\(record.machine): is not of shard \(record.shard.number)")
    try require(
      Int(record.shard.number) % (configuration.slots * Int(configuration.part.cores)) == slot,
      .batchRules,
      "\(record.machine): shard \(record.shard.number) does not go through slot \(slot)")
    try require(
      owned[record.shard] != nil, .ownerCommits,
      "\(record.machine): a record after shard \(record.shard.number) was lost")
    try require(
      record.events.count <= configuration.maximumStepEvents, .bounds,
      "\(record.machine): a step of \(record.events.count) events")
    for event in record.events {
      try require(
        event.body.data.count <= configuration.maximumContentBytes, .bounds,
        "\(record.machine): an event of \(event.body.data.count) bytes")
    }
  }

  private static func changesRow(_ change: RowChange) -> Bool {
    switch change {
    case .insert, .update, .pause, .condemn, .delete: true
    case .keep, .requeue: false
    }
  }
}
