import MachineModel
import ProgressorSinks
import ProgressorStorage

/// Entries that a sink has read at once, and how far they have got. A value: what is read, and who
/// delivers, others say.
struct SinkPage {
  /// What was read of a shard.
  private struct Part {
    let part: FeedPart
    /// In their order, with what became of them.
    var entries: [(entry: FeedEntry, isSettled: Bool)]
  }

  /// Where an entry stands.
  private struct Index {
    let part: Int
    let entry: Int
  }

  private var parts: [Part] = []
  /// What is to be delivered yet, in its order in each shard.
  private var waiting: [Index] = []

  /// Adds what was read of a shard: of `entries` those are to be delivered that the sink wants.
  mutating func add(_ part: FeedPart, _ entries: [FeedEntry], where isWanted: (FeedEntry) -> Bool) {
    var added = Part(part: part, entries: [])
    for entry in entries {
      let wanted = isWanted(entry)
      if wanted { waiting.append(Index(part: parts.count, entry: added.entries.count)) }
      added.entries.append((entry, isSettled: !wanted))
    }
    parts.append(added)
  }

  /// What is to be delivered yet.
  var pending: [FeedEntry] { waiting.map { parts[$0.part].entries[$0.entry].entry } }

  var isSettled: Bool { waiting.isEmpty }

  /// What became of what was pending. Answers what was parked, with the reasons.
  mutating func take(_ outcomes: [SinkOutcome]) -> [(entry: FeedEntry, reason: String)] {
    assert(outcomes.count == waiting.count, "each entry has an outcome")
    var parked: [(entry: FeedEntry, reason: String)] = []
    var rest: [Index] = []
    for (index, outcome) in zip(waiting, outcomes) {
      switch outcome {
      case .pending where Safeguard.sinkReceipts.isOn:
        rest.append(index)
        continue
      case .pending: break
      case .delivered: break
      case .parked(let reason):
        parked.append((parts[index.part].entries[index.entry].entry, reason))
      }
      parts[index.part].entries[index.entry].isSettled = true
    }
    waiting = rest + waiting.dropFirst(outcomes.count)
    return parked
  }

  /// Moves a position behind what is settled and has nothing before it that is not. Where something
  /// is not settled it is to be read again.
  ///
  /// - Returns: the shards of which everything here is settled.
  func settle(in position: inout FeedPosition) -> [FeedPart] {
    var whole: [FeedPart] = []
    for part in parts {
      let settled = part.entries.prefix { $0.isSettled }
      for (entry, _) in settled { position.passed(entry, isTold: false) }
      if settled.count == part.entries.count {
        position.finished(part.part)
        whole.append(part.part)
      } else {
        position.mark(part.part.shard)
      }
    }
    return whole
  }
}
