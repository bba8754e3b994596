import MachineModel
import ProgressorEngine

/// Just enough of a database for scenarios: what was committed is what is loaded.
struct ScenarioDatabase {
  private(set) var rows: [MachineID: MachineRow] = [:]
  private var events: [MachineKey: [Event]] = [:]
  private var queues: [MachineKey: [QueuedNotification]] = [:]
  private var keys: [MachineID: [ExactText: IdempotencyRow]] = [:]

  mutating func apply(_ batch: CommitBatch) {
    for record in batch.records { apply(record) }
  }

  private mutating func apply(_ record: CommitRecord) {
    if let dequeued = record.dequeued {
      queues[record.key]?.removeAll { $0.sequence == dequeued }
    }
    if let head = record.rescheduled { queues[record.key]?[0] = head }
    queues[record.key, default: []] += record.enqueued
    events[record.key, default: []] += record.events
    switch record.row {
    case .keep: break
    case .requeue(let due):
      let known = rows[record.machine]?.due
      if rows[record.machine]?.runsByItself == true {
        rows[record.machine]?.due = [known, due].compactMap { $0 }.min()
      }
    case .insert(let row), .update(let row, _), .pause(let row): rows[record.machine] = row
    case .condemn(let failure, let version):
      rows[record.machine]?.failure = failure
      rows[record.machine]?.version = version
      rows[record.machine]?.due = nil
    case .delete:
      rows[record.machine] = nil
      queues[record.key] = nil
      events[record.key] = nil
    }
    if var row = rows[record.machine] {
      row.notificationCount = Int32(queues[row.key]?.count ?? 0)
      rows[record.machine] = row
    }
    if let key = record.idempotency { keys[record.machine, default: [:]][ExactText(key.key)] = key }
  }

  func answer(_ load: LoadRequest) -> Loaded {
    var loaded = Loaded()
    if let key = load.idempotencyKey { loaded.idempotency = keys[load.machine]?[ExactText(key)] }
    guard let row = rows[load.machine] else { return loaded }
    if load.row { loaded.row = row }
    if load.notificationsAfter != nil { loaded.notifications = queues[row.key] ?? [] }
    if let range = load.history, let ids = range.ids(last: row.lastEventID) {
      let selected = (events[row.key] ?? []).filter { ids.contains($0.id) }
      loaded.history = range.direction == .forward ? selected : selected.reversed()
      loaded.historyTooLarge =
        selected.reduce(0) { $0 + $1.body.data.count } > load.historyBytes
      if loaded.historyTooLarge { loaded.history = [] }
    }
    return loaded
  }

  /// A page for each span.
  func due(_ query: DueQuery) -> [Result<DuePage, ReadFailure>] {
    query.spans.map { .success(due($0)) }
  }

  private func due(_ span: DueSpan) -> DuePage {
    let due: [DueMachine] = rows.values.compactMap { row in
      guard let due = row.due, due <= span.until, span.namespace == row.namespace else {
        return nil
      }
      return DueMachine(
        position: DuePosition(due: due, shard: row.shard, key: row.key), machine: row.machine)
    }
    let found = due.sorted { $0.position < $1.position }
      .filter { !span.from.covers($0.position) }.prefix(Int(span.limit))
    let reached =
      found.count < Int(span.limit)
      ? DueCut.end(of: span.until) : found.last.map { .after($0.position) } ?? span.from
    return DuePage(machines: Array(found), reached: reached)
  }
}
