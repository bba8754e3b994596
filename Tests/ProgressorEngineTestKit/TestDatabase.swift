package import MachineModel
package import ProgressorEngine

/// Just enough of a database: what was committed is what is loaded. It answers at once, unless a
/// test says otherwise.
package struct TestDatabase {
  /// Its answers wait until the test says how they end.
  package var holdsLoads = false
  package var holdsCommits = false
  /// It takes no batches for now, and the engine hears so; they are held back.
  package var isAway = false
  package internal(set) var heldLoads: [LoadRequest] = []
  package internal(set) var heldCommits: [CommitBatch] = []
  /// What a load finds, nil = what was committed.
  package var finds: ((LoadRequest) -> Loaded?)?
  /// How long it takes to say what is due: time has to pass, see ``World/run(for:)``.
  package var lookAheadTakes = Duration.zero
  /// How long it takes to read what messages carry; as with ``lookAheadTakes``.
  package var messageLoadTakes = Duration.zero

  /// Looks for what is due, and the machines that they found, by namespace.
  package private(set) var looks: [String: Int] = [:]
  package private(set) var rowsSeen: [String: Int] = [:]

  package private(set) var rows: [MachineID: MachineRow] = [:]
  package internal(set) var messages: [MessageRef: MessageRow] = [:]
  private var lastKey: Int64 = 0
  private var events: [MachineKey: [Event]] = [:]
  private var queues: [MachineKey: [QueuedNotification]] = [:]
  private var traces: [MachineKey: [StepRecord]] = [:]
  private var keys: [MachineID: [ExactText: IdempotencyRow]] = [:]

  package mutating func apply(_ batch: CommitBatch) {
    for record in batch.records { apply(record) }
  }

  private mutating func apply(_ record: CommitRecord) {
    if let dequeued = record.dequeued ?? record.dropped?.sequence {
      queues[record.key]?.removeAll { $0.sequence == dequeued }
    }
    if let head = record.rescheduled { queues[record.key]?[0] = head }
    queues[record.key, default: []] += record.enqueued
    events[record.key, default: []] += record.events
    applyMessages(of: record)
    if let traced = record.traced { traces[record.key, default: []].append(traced.record) }
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
      traces[record.key] = nil
    }
    if var row = rows[record.machine] {
      row.notificationCount = Int32(queues[row.key]?.count ?? 0)
      count(&row)
      rows[record.machine] = row
    }
    if let key = record.idempotency { keys[record.machine, default: [:]][ExactText(key.key)] = key }
  }

  /// What waits for its delivery.
  package func queue(of machine: MachineID) -> [QueuedNotification] {
    rows[machine].flatMap { queues[$0.key] } ?? []
  }

  /// What is loaded if it is loaded at once.
  mutating func take(_ load: LoadRequest) -> Loaded? {
    if !holdsLoads { return answer(load) }
    heldLoads.append(load)
    return nil
  }

  /// Whether the batch is durable at once.
  mutating func take(_ batch: CommitBatch) -> Bool {
    let isHeld = holdsCommits || isAway
    if isHeld { heldCommits.append(batch) } else { apply(batch) }
    return !isHeld
  }

  /// Puts a machine that has a timer where an earlier owner of its shard left it.
  mutating func store(
    _ machine: MachineID, shards: Int32, in namespace: NamespaceNumber, due: Timestamp
  ) {
    lastKey += 1
    let key = lastKey
    let shard = ShardID(of: machine, shards: shards)
    let timer = TimerRow(
      serial: key, firesAt: due, historyRange: nil, processingTimeout: nil,
      context: CallerContext())
    let row = MachineRow(
      key: MachineKey(key), shard: shard, namespace: namespace, machine: machine, version: 1,
      createdAt: World.beginning, lastEventID: 0, lastEventAt: World.beginning, auxState: nil,
      failure: nil, timer: timer, notificationCount: 0, due: due)
    apply(
      CommitRecord(
        shard: shard, namespace: namespace, machine: machine, key: row.key, row: .insert(row)))
  }

  package func answer(_ load: LoadRequest) -> Loaded {
    if let found = finds?(load) { return found }
    var loaded = Loaded()
    if let key = load.idempotencyKey { loaded.idempotency = keys[load.machine]?[ExactText(key)] }
    guard let row = rows[load.machine] else { return loaded }
    if load.row {
      loaded.row = row
      loaded.messageNames = names(of: row.key)
    }
    loaded.message = load.message.flatMap { message($0, of: row.key) }
    if let after = load.notificationsAfter {
      let queue = (queues[row.key] ?? []).filter { $0.sequence > after }
      loaded.notifications = Array(queue.prefix(LoadRequest.notificationPage))
    }
    if let range = load.history, let ids = range.ids(last: row.lastEventID) {
      let selected = (events[row.key] ?? []).filter { ids.contains($0.id) }
      loaded.history = range.direction == .forward ? selected : selected.reversed()
      loaded.historyTooLarge =
        selected.reduce(0) { $0 + $1.body.data.count } > load.historyBytes
      if loaded.historyTooLarge { loaded.history = [] }
    }
    return loaded
  }

  /// The newest record first, and one more than the limit if there is; nil = no such machine.
  func trace(_ machine: MachineID, _ query: TraceQuery) -> [StepRecord]? {
    guard let row = rows[machine] else { return nil }
    let before = query.before == 0 ? Int64.max : query.before
    let found = (traces[row.key] ?? []).reversed().filter { $0.sequence < before }
    return Array(found.prefix(Int(query.limit) + 1))
  }

  /// A page for each span.
  mutating func due(_ query: DueQuery) -> [Result<DuePage, ReadFailure>] {
    query.spans.map { span in
      let page = due(span)
      looks[span.name, default: 0] += 1
      rowsSeen[span.name, default: 0] += page.machines.count
      return .success(page)
    }
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
