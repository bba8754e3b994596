import MachineModel
import ProgressorEngine

/// One server: its loops, and what is the process's or the lease's. A crash loses all of it.
final class SimulatedNode {
  let number: Int
  /// Grows with each start; what was planned for an earlier life is dropped.
  private(set) var life = 0
  private(set) var isUp = false
  /// By number; none while it is down.
  private(set) var cores: [SimulatedCore] = []
  /// The process does nothing until then, and does not know it.
  var frozenUntil: Int64 = 0
  /// It freezes with the next batch that it sends.
  var freezesInBatch = false
  /// Its batches that arrive while it is frozen stay open.
  var holdsTransactions = false

  /// Added to the true time of day.
  var wallOffset: Int64 = 0

  /// Its row in the table of nodes, nil while it has none.
  var identity: Int?
  /// The row that it had before, and gives back before it takes another.
  var formerIdentity: Int?
  /// Under which epochs its writers' sessions write, by slot.
  var writerEpochs: [Int: Int64] = [:]
  /// Of the database that its sessions know.
  var generation = 0
  /// The shards that its engines were told of.
  var owned: [ShardID: Int64] = [:]
  /// Those that they were sent, handled or not.
  var granted: Set<ShardID> = []
  /// After how many more effects it crashes; nil = it does not.
  var crashesAfter: Int?
  /// Its heartbeat does not get through any more.
  var isStarved = false

  /// Numbers of the invocations that it waits for.
  var calls: [StepAttempt: Int] = [:]
  var batches: [Int: BatchInFlight] = [:]
  var lastBatchSerial = 0

  init(number: Int) { self.number = number }

  /// - Parameter configurations: Of its engines, by core.
  func start(_ configurations: [EngineConfiguration]) {
    life += 1
    isUp = true
    cores = configurations.map { SimulatedCore(of: self, $0) }
    frozenUntil = 0
    holdsTransactions = false
    freezesInBatch = false
    identity = nil
    formerIdentity = nil
    crashesAfter = nil
    forgetWork()
  }

  func stop() {
    isUp = false
    cores = []
    identity = nil
    forgetWork()
  }

  private func forgetWork() {
    owned = [:]
    granted = []
    isStarved = false
    calls = [:]
    batches = [:]
  }

  /// Its engines were sent losses of shards that one of them has not handled.
  var hasUnheardLosses: Bool { cores.contains { $0.unheardLosses > 0 } }

  /// Batches in the order of their slots, not of a dictionary.
  var batchesInOrder: [BatchInFlight] { batches.keys.sorted().compactMap { batches[$0] } }
}

/// One attempt of a step: what the answer of a processor comes back with.
struct StepAttempt: Hashable {
  var step: StepID
  var attempt: Int32
}

/// One session's try to write a batch.
struct BatchAttempt {
  var serial: Int
  var number: Int
}

/// A batch between `Effect.commit` and the engine's hearing of its end.
struct BatchInFlight {
  var batch: CommitBatch
  /// Under which row of the node it is written.
  var identity: Int
  /// Tells a batch's answer from that of an earlier one on the same slot.
  var serial: Int
  var sentAt: Int64
  /// The answers that it writes, for those that carry no tag.
  var concluded: [MachineID: Int]
  /// How often its writer lost a session over it; what was planned before is dropped.
  var attempt = 0
  /// The transmission whose answer the writer hears.
  var listensTo: Int?
  /// Its answer is on its way to the engine: nothing else may answer it.
  var isAnswered = false
  /// It is in the database, whatever the node will hear.
  var isApplied = false
  /// What it changed in the database, as it was before, until the engine hears of it.
  var earlier: [MachineID: Revised] = [:]
}
