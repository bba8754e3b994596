import MachineModel
import ProgressorEngine

/// A machine's rows in the simulated database.
struct StoredMachine {
  var row: MachineRow
  var events: [Event] = []
  /// Ascending by sequence.
  var notifications: [QueuedNotification] = []

  /// When the machine must be looked at next, by what hangs on its row.
  var needed: Timestamp? {
    if !row.runsByItself { return nil }
    let delivery = notifications.first.map { $0.retry?.nextAttemptAt ?? $0.acceptedAt }
    guard let timer = row.timer?.due else { return delivery }
    return delivery.map { min($0, timer) } ?? timer
  }

  /// What a range shows of the history; ids are 1…n, so that an id is an index.
  func select(_ range: HistoryRange) -> [Event] {
    guard let ids = range.ids(last: row.lastEventID) else { return [] }
    let found = Array(events[Int(ids.lowerBound - 1)...Int(ids.upperBound - 1)])
    return range.direction == .forward ? found : found.reversed()
  }

  /// The retry states that a reader may be shown: the next one, and on a tie either.
  var retrying: [Retrying] {
    var states: [Retrying] = []
    if let retry = row.timer?.retry { states.append(.init(retry, of: .timeout)) }
    if let retry = notifications.first?.retry { states.append(.init(retry, of: .notification)) }
    guard let next = states.map(\.nextAttemptAt).min() else { return [] }
    return states.filter { $0.nextAttemptAt == next }
  }

  var status: MachineStatus {
    if let failure = row.failure { return .failed(failure) }
    return .working(retrying.first)
  }

  /// As `List` shows it.
  var listed: Machine {
    Machine(
      machineID: row.machine, history: [],
      historyRange: HistoryRange(after: 0, limit: 0, direction: .forward), status: status,
      auxState: row.auxState, timer: row.timer?.firesAt, lastEventID: row.lastEventID,
      createdAt: row.createdAt)
  }
}

extension Retrying {
  init(_ state: RetryState, of kind: StepKind) {
    self.init(
      stepKind: kind, attempt: state.attempt, nextAttemptAt: state.nextAttemptAt,
      lastCode: state.lastCode, lastMessage: state.lastMessage)
  }
}

/// An incarnation of a machine: what a key names, for ever.
struct Incarnation: Hashable {
  var shard: ShardID
  var key: MachineKey
}

/// Where an idempotency key stands: beside the machine's id, whatever becomes of the machine.
struct KeyName: Hashable {
  var machine: MachineID
  var key: String
}

/// A record as it was applied: what stood in its place before and after.
struct AppliedRecord {
  var record: CommitRecord
  var previous: StoredMachine?
  var after: MachineRow?

  var before: MachineRow? { previous?.row }
  /// The head of the queue of notifications before.
  var head: QueuedNotification? { previous?.notifications.first }
}
