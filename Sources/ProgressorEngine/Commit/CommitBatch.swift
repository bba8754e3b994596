public import MachineModel

/// Steps that are committed in one transaction: all or none.
public struct CommitBatch: Sendable, Hashable {
  /// Under which storage answers.
  public var id: BatchID
  /// The writer connection it goes through; one batch at a time on each.
  public var slot: Int
  /// At most one record of a batch changes the row of one machine.
  public var records: [CommitRecord]

  /// The most records of one batch.
  public static let maximumRecords = 500
  /// What a batch grows to, in bytes of payload; a larger record goes by itself.
  public static let maximumBytes = 16 << 20

  public init(id: BatchID, slot: Int, records: [CommitRecord]) {
    self.id = id
    self.slot = slot
    self.records = records
  }
}

/// Everything that one step writes.
public struct CommitRecord: Sendable, Hashable {
  /// The shard of the machine; its lease is what the fence proves.
  public var shard: ShardID
  /// The namespace's number in the database.
  public var namespace: NamespaceNumber
  /// The machine's name, for rows that are found by it.
  public var machine: MachineID
  /// The incarnation that is written to; never another one (I12).
  public var key: MachineKey
  /// What becomes of the machine's own row.
  public var row: RowChange
  /// Ids continue the machine's history without a gap.
  public var events: [Event]
  /// Accepted notifications; the machine must exist when they are written.
  public var enqueued: [QueuedNotification]
  /// The notification that the step delivered.
  public var dequeued: Int64?
  /// The head of the queue with its new retry state.
  public var rescheduled: QueuedNotification?
  /// The reply to be remembered with the step; nil = the request had no key.
  public var idempotency: IdempotencyRow?

  public init(
    shard: ShardID, namespace: NamespaceNumber, machine: MachineID, key: MachineKey,
    row: RowChange = .keep, events: [Event] = [], enqueued: [QueuedNotification] = [],
    dequeued: Int64? = nil, rescheduled: QueuedNotification? = nil,
    idempotency: IdempotencyRow? = nil
  ) {
    self.shard = shard
    self.namespace = namespace
    self.machine = machine
    self.key = key
    self.row = row
    self.events = events
    self.enqueued = enqueued
    self.dequeued = dequeued
    self.rescheduled = rescheduled
    self.idempotency = idempotency
  }

  /// About how many bytes travel to the database.
  public var bytes: Int {
    var sum = 512
    for event in events { sum += event.body.data.count + 48 }
    for notification in enqueued { sum += notification.args.count + 256 }
    switch row {
    case .insert(let row), .update(let row, auxChanged: true):
      sum += row.auxState?.data.count ?? 0
    case .keep, .update, .pause, .requeue, .condemn, .delete: break
    }
    switch idempotency?.reply {
    case .called(let response), .repaired(let response): sum += response.count
    case .started, .notified, nil: break
    }
    return sum
  }
}

/// What happens to a machine's row.
public enum RowChange: Sendable, Hashable {
  case keep
  case insert(MachineRow)
  /// The row as it shall be; `version` is one more than what the database must hold. Without
  /// `auxChanged` the aux state in the database stays and `auxState` need not be sent.
  case update(MachineRow, auxChanged: Bool)
  /// Of the row as it shall be, its pause, its due time and its version, and nothing else.
  case pause(MachineRow)
  /// An accepted notification: `notification_count` grows by the record's `enqueued`, and `due`
  /// becomes the earlier of what it is and this, unless the machine is failed or paused by then.
  /// The version stays, so that it conflicts with no step that runs meanwhile.
  case requeue(due: Timestamp?)
  /// A machine whose rows cannot be read fails: of its row only this, its due time and its version,
  /// which becomes `version`, are changed.
  case condemn(Failure, version: Int64)
  /// The machine, its events and its notifications are gone for everybody. Storage deletes the rows
  /// of the latter afterwards: the length of a history is no part of the cost.
  case delete(expectedVersion: Int64)
}

/// Why storage refused a batch for good: the fault of a step in it. What else goes wrong is
/// storage's own to repeat.
public struct CommitRefusal: Sendable, Hashable {
  /// What about the step made it so.
  public enum Fault: Sendable, Hashable {
    /// The database does not take what the step writes, however often it is tried.
    case contents
    /// The rows are not what the engine took them for.
    case conflict
    /// A row that was to be inserted is there.
    case duplicate
    /// It cannot be written now, by itself either, while others can be: it takes too long, or meets
    /// damage that may pass. It may be later. Certainly not written.
    case overdue
  }

  /// What about the step made it so.
  public var fault: Fault
  /// How the database calls it; for people.
  public var code: String
  /// The database's words; for people.
  public var message: String

  public init(_ fault: Fault, code: String, message: String) {
    self.fault = fault
    self.code = code
    self.message = message
  }
}
