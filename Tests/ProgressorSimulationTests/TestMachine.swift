import MachineModel
import ProgressorEngine

@testable import ProgressorSimulation

/// A machine of shard 0, and records about it as an engine writes them.
struct TestMachine {
  static let start = Timestamp(microseconds: 1_000_000)

  let id = MachineID(namespace: "n", id: "m")
  let key = MachineKey(1)
  var row: MachineRow

  init() {
    row = MachineRow(
      key: key, shard: ShardID(0), namespace: NamespaceNumber(1), machine: id, version: 1,
      createdAt: TestMachine.start, lastEventID: 0, lastEventAt: TestMachine.start, auxState: nil,
      failure: nil, timer: nil, notificationCount: 0, due: nil)
  }

  func record(
    _ row: RowChange, events: [Event] = [], enqueued: [QueuedNotification] = [],
    dequeued: Int64? = nil, key: String? = nil
  ) -> CommitRecord {
    CommitRecord(
      shard: ShardID(0), namespace: NamespaceNumber(1), machine: id, key: self.key, row: row,
      events: events, enqueued: enqueued, dequeued: dequeued,
      idempotency: key.map {
        IdempotencyRow(key: $0, fingerprint: [1], reply: .started, expiresAt: .latest)
      })
  }

  /// The machine's creation with `count` events.
  func created(events count: Int64 = 0, timer: TimerRow? = nil) -> CommitRecord {
    var created = row
    created.lastEventID = count
    created.timer = timer
    created.due = timer?.due
    return record(.insert(created), events: TestMachine.events(1, count))
  }

  /// An update to `version` that changes what the closure does.
  func updated(
    to version: Int64, events: [Event] = [], dequeued: Int64? = nil,
    _ change: (inout MachineRow) -> Void = { _ in }
  ) -> CommitRecord {
    var updated = row
    updated.version = version
    updated.lastEventID += Int64(events.count)
    change(&updated)
    return record(.update(updated, auxChanged: false), events: events, dequeued: dequeued)
  }

  static func events(_ first: Int64, _ last: Int64, tag: UInt64 = 0) -> [Event] {
    first > last
      ? []
      : (first...last).map { Event(id: $0, createdAt: start, body: Content(data: Tag.bytes(tag))) }
  }

  static func notification(_ sequence: Int64, tag: UInt64 = 77) -> QueuedNotification {
    QueuedNotification(
      sequence: sequence, notificationID: "0-\(sequence)", args: Tag.bytes(tag), historyRange: nil,
      context: CallerContext(principal: Tag.principal(of: tag)), acceptedAt: start)
  }

  static func timer(_ serial: Int64, at: Timestamp = start) -> TimerRow {
    TimerRow(
      serial: serial, firesAt: at, historyRange: nil, processingTimeout: nil,
      context: CallerContext())
  }

  static let failure = Failure(
    reason: "broken", failedAt: start, stepKind: .call, code: 13, attempts: 1)
}

/// A database with one node that owns every shard.
struct TestStorage {
  var storage = SimulatedStorage(shards: 1)
  let node: Int
  private var lastBatch: UInt64 = 0

  init() {
    node = storage.leases.register(until: 1_000)
    _ = storage.leases.claim(by: node, now: 0, limit: 1)
  }

  @discardableResult
  mutating func commit(
    _ records: CommitRecord..., by identity: Int? = nil, refusal: CommitRefusal? = nil
  ) throws(Violation) -> TransactionOutcome {
    lastBatch += 1
    return try storage.commit(
      CommitBatch(id: BatchID(lastBatch), slot: 0, records: records), by: identity ?? node,
      now: TestMachine.start, refusal: refusal)
  }
}

/// The invariant that the operation breaks, nil = none.
func broken(_ operation: () throws -> Void) -> Invariant? {
  do {
    try operation()
    return nil
  } catch {
    return (error as? Violation)?.invariant
  }
}
