import MachineModel
import ProgressorEngine

/// One server: an engine and what its shells remember. A crash loses all of it.
final class SimulatedNode {
  let number: Int
  /// Grows with each start; what was planned for an earlier life is dropped.
  private(set) var life = 0
  private(set) var isUp = false
  var engine: Engine
  var inbox: [Input] = []
  var isTurnPlanned = false
  /// The process does nothing until then, and does not know it.
  var frozenUntil: Int64 = 0
  /// It freezes with the next batch that it sends.
  var freezesInBatch = false
  /// Its batches that arrive while it is frozen stay open.
  var holdsTransactions = false
  var wakeSerial = 0

  /// Added to the true time of day.
  var wallOffset: Int64 = 0
  /// The latest time of day that this life was told.
  var latestWall = Timestamp.earliest

  /// Its row in the table of nodes, nil while it has none.
  var identity: Int?
  /// The row that it had before, and gives back before it takes another.
  var formerIdentity: Int?
  /// Under which epochs its writers' sessions write, by slot.
  var writerEpochs: [Int: Int64] = [:]
  /// Of the database that its sessions know.
  var generation = 0
  /// What the engine was told: the end of its lease, and its shards.
  var trustedUntil: Int64 = .min
  var owned: [ShardID: Int64] = [:]
  /// What it was sent, handled or not.
  var granted: Set<ShardID> = []
  /// After how many more effects it crashes; nil = it does not.
  var crashesAfter: Int?
  /// Its heartbeat does not get through any more.
  var isStarved = false

  /// Namespaces that it was told are paused.
  var paused: Set<NamespaceNumber> = []
  /// Numbers of the invocations that it waits for.
  var calls: [StepAttempt: Int] = [:]
  var batches: [Int: BatchInFlight] = [:]
  /// The one that is under way.
  var lookAhead: DueQuery?
  /// Answers that it has given up so far.
  var answersGivenUp: UInt64 = 0
  var lastBatchSerial = 0
  /// `Input.timePassed` without time passing in between.
  var idleTurns = 0

  init(number: Int, configuration: EngineConfiguration) {
    self.number = number
    engine = Engine(configuration: configuration)
  }

  func start(configuration: EngineConfiguration) {
    life += 1
    isUp = true
    engine = Engine(configuration: configuration)
    inbox = []
    isTurnPlanned = false
    frozenUntil = 0
    holdsTransactions = false
    freezesInBatch = false
    wakeSerial = 0
    latestWall = .earliest
    identity = nil
    formerIdentity = nil
    trustedUntil = .min
    crashesAfter = nil
    forgetWork()
    idleTurns = 0
  }

  func stop() {
    isUp = false
    inbox = []
    identity = nil
    forgetWork()
  }

  private func forgetWork() {
    owned = [:]
    paused = []
    granted = []
    isStarved = false
    calls = [:]
    batches = [:]
    answersGivenUp = 0
    lookAhead = nil
  }

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
