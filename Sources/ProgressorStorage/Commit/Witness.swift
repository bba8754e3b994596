import MachineModel
import PostgreSQL
import ProgressorEngine

/// One row by which it can be told whether a batch was committed: a batch is there as a whole or
/// not at all. Only read after the writer's epoch was raised, else the batch may still come.
enum Witness: Equatable {
  /// The machine has this version or a later one exactly if the batch was committed.
  case version(ShardID, MachineKey, atLeast: Int64)
  case queued(ShardID, MachineKey, sequence: Int64)
  case remembered(ShardID, NamespaceNumber, MachineID, IdempotencyRow)
  case removed(ShardID, MachineKey)
  case delivered(ShardID, MachineKey, sequence: Int64)
  case rescheduled(ShardID, MachineKey, sequence: Int64, RetryState?)
  case traced(ShardID, MachineKey, sequence: Int64)
  case sent(MessageRef)
  case postponed(MessageRef, attempts: Int32)
  case ended(MessageRef)

  /// The best witness of a batch: what is added tells more than what is gone, which may never have
  /// been there. Nil for a batch that writes nothing.
  init?(of batch: CommitBatch) {
    var best: Witness?
    for record in batch.records {
      record.forEachWrite { write in
        guard let other = Witness(write, of: record) else { return }
        if best.map({ other.rank < $0.rank }) ?? true { best = other }
      }
    }
    guard let best else { return nil }
    self = best
  }

  private init?(_ write: RowWrite, of record: CommitRecord) {
    let (shard, key) = (record.shard, record.key)
    switch write {
    case .insertMachine(let row, _, _), .updateMachine(let row, _, _, _), .pauseMachine(let row):
      self = .version(shard, key, atLeast: row.version)
    case .condemnMachine(_, let version):
      self = .version(shard, key, atLeast: version)
    case .rememberKey(let row):
      self = .remembered(shard, record.namespace, record.machine, row)
    case .deleteMachine:
      self = .removed(shard, key)
    case .insertNotification(let notification):
      self = .queued(shard, key, sequence: notification.sequence)
    case .deleteNotification(let sequence):
      self = .delivered(shard, key, sequence: sequence)
    case .rescheduleNotification(let head):
      self = .rescheduled(shard, key, sequence: head.sequence, head.retry)
    // By itself where a refusal is recorded.
    case .insertTrace(let step):
      self = .traced(shard, key, sequence: step.record.sequence)
    case .insertMessage(let message):
      self = .sent(message.ref)
    case .postponeMessage(let message):
      self = .postponed(
        MessageRef(shard: shard, machine: key, number: message.number), attempts: message.attempts)
    case .deleteMessage(let number):
      self = .ended(MessageRef(shard: shard, machine: key, number: number))
    // What comes with another row that tells more.
    default: return nil
    }
  }

  private var rank: Int {
    switch self {
    case .version: 0
    case .remembered: 1
    case .queued: 2
    case .rescheduled: 3
    case .traced: 4
    case .sent: 5
    case .postponed: 6
    case .removed: 7
    case .delivered: 8
    case .ended: 9
    }
  }

  /// Whether the row says that the batch was committed.
  func testifies(
    on connection: Connection, timeout: Duration
  ) throws(PostgreSQLError) -> Bool {
    switch self {
    case .version(let shard, let key, let version):
      let found = try Self.version(shard, key, connection, timeout)
      return found.map { $0 >= version } ?? false
    case .removed(let shard, let key):
      return try Self.version(shard, key, connection, timeout) == nil
    case .queued(let shard, let key, let sequence):
      return try Self.notification(shard, key, sequence, connection, timeout).count == 1
    case .delivered(let shard, let key, let sequence):
      return try Self.notification(shard, key, sequence, connection, timeout).isEmpty
    case .rescheduled(let shard, let key, let sequence, let retry):
      guard let row = try Self.notification(shard, key, sequence, connection, timeout).first else {
        return false
      }
      let nextAttempt: SQLTimestamp? = try row.optional(1)
      return try row.optional(0) == retry?.attempt && nextAttempt == retry?.nextAttemptAt.sql
    case .traced(let shard, let key, let sequence):
      let parameters = Self.parameters(shard, key, sequence)
      return try connection.run(Statements.witnessTrace, parameters, timeout: timeout).count == 1
    case .sent(let message): return try Self.attempts(message, connection, timeout) != nil
    case .postponed(let message, let attempts):
      return try Self.attempts(message, connection, timeout) == attempts
    case .ended(let message): return try Self.attempts(message, connection, timeout) == nil
    case .remembered(let shard, let namespace, let machine, let row):
      let parameters = Parameters.with {
        $0.append(shard.number)
        $0.append(namespace.number)
        $0.append(machine.id)
        $0.append(row.key)
      }
      let found = try connection.run(
        Statements.witnessIdempotency, parameters, timeout: timeout
      ).first
      guard let found else { return false }
      let expiry: SQLTimestamp = try found.value(1)
      return try found.value(0) == row.fingerprint && expiry == row.expiresAt.sql
    }
  }

  private static func version(
    _ shard: ShardID, _ key: MachineKey, _ connection: Connection, _ timeout: Duration
  ) throws(PostgreSQLError) -> Int64? {
    let parameters = Parameters.with {
      $0.append(shard.number)
      $0.append(key.number)
    }
    let row = try connection.run(Statements.witnessMachine, parameters, timeout: timeout).first
    return try row?.value(0)
  }

  /// nil = it is not there.
  private static func attempts(
    _ message: MessageRef, _ connection: Connection, _ timeout: Duration
  ) throws(PostgreSQLError) -> Int32? {
    let parameters = parameters(message.shard, message.machine, message.number)
    return try connection.run(Statements.witnessMessage, parameters, timeout: timeout)
      .first?.value(0)
  }

  private static func notification(
    _ shard: ShardID, _ key: MachineKey, _ sequence: Int64, _ connection: Connection,
    _ timeout: Duration
  ) throws(PostgreSQLError) -> ResultSet {
    try connection.run(
      Statements.witnessNotification, parameters(shard, key, sequence), timeout: timeout)
  }

  private static func parameters(
    _ shard: ShardID, _ key: MachineKey, _ sequence: Int64
  ) -> Parameters {
    Parameters.with {
      $0.append(shard.number)
      $0.append(key.number)
      $0.append(sequence)
    }
  }
}
