import Logging
import MachineModel
import PostgreSQL
import ProgressorEngine

/// The question which machines of a batch have rows that another session has locked.
struct RowLocks {
  private var machines: [DamageTrials.Subject: MachineID] = [:]

  /// - Parameter records: a row that is yet to be inserted cannot be locked, and what leaves it as
  ///   it is waits for no lock.
  init(of records: [CommitRecord]) {
    for record in records where record.writesExistingRow {
      machines[record.subject] = record.machine
    }
  }

  /// Those that are locked; waits for none of them.
  ///
  /// - Parameter limit: the time that it may take.
  func locked(
    on connection: Connection, under identity: WriterIdentity, limit: Duration, timeout: Duration
  ) throws(PostgreSQLError) -> Set<MachineID> {
    if machines.isEmpty { return [] }
    let subjects = Array(machines.keys)
    var pipeline = FencedPipeline(under: identity, limit: limit)
    pipeline.append(
      Statements.lockedMachines,
      .with {
        $0.appendArray(subjects) { $0.shard.number }
        $0.appendArray(subjects) { $0.key.number }
      })
    var locked: Set<MachineID> = []
    let outcome = try pipeline.commit(on: connection, timeout: timeout)
    for row in try outcome.onlyResult() {
      let subject = DamageTrials.Subject(
        shard: ShardID(try row.value(0)), key: MachineKey(try row.value(1)))
      if let machine = machines[subject] { locked.insert(machine) }
    }
    return locked
  }
}

extension CommitRecord {
  fileprivate var writesExistingRow: Bool {
    switch row {
    case .insert: false
    case .keep:
      !enqueued.isEmpty || dequeued != nil || dropped != nil || rescheduled != nil
        || !messageCounts.isZero
    case .update, .pause, .requeue, .condemn, .delete: true
    }
  }
}

extension CommitRefusal {
  /// - Parameter machines: whose rows are locked; one at least.
  init(locked machines: Set<MachineID>) {
    self.init(
      .locked(machines), code: SQLState.lockNotAvailable.code,
      message: "rows of \(machines.count) machines are locked by other sessions")
  }
}

/// Tells the log which machines have locked rows: each once, until it is written or an hour has
/// passed, though it is asked for every second. Times in microseconds, on any clock that only
/// grows.
struct LockedMachines {
  /// Of more it is only told how many there are.
  static let capacity = 10_000
  private static let memory: Int64 = 3_600_000_000
  private static let longestList = 20

  /// When each was told.
  private var told: [MachineID: Int64] = [:]

  /// What of it is new; nil = nothing.
  mutating func news(of machines: Set<MachineID>, at now: Int64) -> Logger.Metadata? {
    let new = machines.filter { machine in told[machine].map { now - $0 >= Self.memory } ?? true }
    if new.isEmpty || (told.count >= Self.capacity && !sweep(at: now)) { return nil }
    for machine in new { told[machine] = now }
    let names = new.sorted().prefix(Self.longestList).map { "\($0.namespace)/\($0.id)" }
    let rest = new.count > names.count ? " and others" : ""
    return [
      "machines": "\(names.joined(separator: " "))\(rest)", "count": "\(new.count)",
    ]
  }

  /// False = there is no room.
  private mutating func sweep(at now: Int64) -> Bool {
    told = told.filter { now - $0.value < Self.memory }
    return told.count < Self.capacity
  }

  mutating func written(_ records: [CommitRecord]) {
    if told.isEmpty { return }
    for record in records { told[record.machine] = nil }
  }
}
