import MachineModel

/// The writer connections of an engine. A shard writes through one of them, the same for as long as
/// it is owned.
struct Writers {
  private var writers: [GroupCommit]
  private let part: ShardPart

  /// - Parameters:
  ///   - count: 1 at least.
  ///   - part: The engine's shards.
  init(count: Int, of part: ShardPart) {
    writers = Array(repeating: GroupCommit(), count: max(1, count))
    self.part = part
  }

  /// The one that a shard writes through.
  subscript(shard: OwnedShard) -> GroupCommit {
    _read { yield writers[place(of: shard)] }
    _modify { yield &writers[place(of: shard)] }
  }

  /// The one at a place, 0 and up.
  subscript(place: Int) -> GroupCommit {
    _read { yield writers[place] }
    _modify { yield &writers[place] }
  }

  private func place(of shard: OwnedShard) -> Int { part.index(of: shard.id) % writers.count }

  /// Where the batch is in flight; nil = it is none of those that are.
  func place(of batch: BatchID) -> Int? { writers.firstIndex { $0.inFlight?.id == batch } }

  var all: [GroupCommit] { writers }

  /// The database does not take some batch.
  var isDelayed: Bool { writers.contains(where: \.isDelayed) }

  /// When there is something to write that nothing else announces, on `Moment.uptime`.
  var wakeAt: Int64? { writers.compactMap(\.wakeAt).min() }

  /// A batch for each writer that has none in flight and something to write.
  mutating func nextBatches(at now: Moment, id: () -> BatchID) -> [CommitBatch] {
    let batches = writers.indices.compactMap {
      writers[$0].nextBatch(slot: part.slot(ofWriter: $0), at: now, id: id)
    }
    assert(
      batches.allSatisfy { place(of: $0.id).map(part.slot(ofWriter:)) == $0.slot },
      "a batch is found where it is on its way")
    return batches
  }
}
