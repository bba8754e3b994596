import MachineModel
import ProgressorEngine

/// What is told of batches once they are durable. Confined to the engine's loop; at most as many
/// batches as are in flight.
struct BatchNews {
  private let log: MachineLog
  private var waiting: [BatchID: [(news: MachineNews, machine: MachineID)]] = [:]

  init(_ log: MachineLog) { self.log = log }

  /// A batch is on its way.
  mutating func sent(_ batch: CommitBatch) {
    for record in batch.records {
      guard let news = record.news else { continue }
      waiting[batch.id, default: []].append((news, record.machine))
    }
  }

  /// How it ended, if it is that. A batch that was refused is made anew of what of it can be
  /// written; of one that was fenced nobody knows here whether it was.
  mutating func take(_ input: Input) {
    switch input {
    case .committed(let batch):
      for (news, machine) in waiting.removeValue(forKey: batch) ?? [] {
        log.tell(news, of: machine)
      }
    case .refused(let batch, _), .fenced(let batch): waiting[batch] = nil
    default: break
    }
  }
}
