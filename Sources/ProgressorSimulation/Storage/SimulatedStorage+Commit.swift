import MachineModel
import ProgressorEngine

/// How a transaction ended.
enum TransactionOutcome {
  case applied([AppliedRecord])
  case refused(CommitRefusal)
}

extension SimulatedStorage {
  /// One transaction behind its fence: every record, or none. What the real database would refuse
  /// though nobody broke it (a version, a duplicate, a missing row) is a bug of the engine.
  mutating func commit(
    _ batch: CommitBatch, by identity: Int, now: Timestamp, refusal: CommitRefusal?
  ) throws(Violation) -> TransactionOutcome {
    for record in batch.records {
      try require(
        leases.owner(of: record.shard) == identity, .ownerCommits,
        "a record of \(record.machine) goes to shard \(record.shard.number) of another node")
    }
    if let refusal { return .refused(refusal) }
    var applied: [AppliedRecord] = []
    applied.reserveCapacity(batch.records.count)
    for record in inOrder(batch.records) {
      let before = machines[record.machine]
      try apply(record, now: now)
      applied.append(
        AppliedRecord(
          record: record, previous: before, after: machines[record.machine]?.row))
    }
    for record in batch.records where record.row != .keep {
      if let machine = machines[record.machine] { try agrees(machine, now: now) }
    }
    return .applied(applied)
  }

  /// Each kind of change is one statement, in this order, so that of a step's due time and that of
  /// a notification accepted meanwhile the earlier one stays.
  private func inOrder(_ records: [CommitRecord]) -> [CommitRecord] {
    func rank(_ change: RowChange) -> Int {
      switch change {
      case .insert: 0
      case .update, .pause, .condemn: 1
      case .keep, .requeue: 2
      case .delete: 3
      }
    }
    let isMixed = records.contains { rank($0.row) != rank(records[0].row) }
    return isMixed ? (0...3).flatMap { kind in records.filter { rank($0.row) == kind } } : records
  }

  private mutating func apply(_ record: CommitRecord, now: Timestamp) throws(Violation) {
    if let row = record.idempotency { try remember(row, of: record.machine, now: now) }
    switch record.row {
    case .keep:
      try require(
        record.events.isEmpty && record.enqueued.isEmpty && record.dequeued == nil
          && record.rescheduled == nil, .rowRules,
        "\(record.machine): a record that keeps the row changes what hangs on it")
    case .insert(let row): try insert(row, record)
    case .update(let row, let auxChanged): try update(row, auxChanged: auxChanged, record)
    case .pause(let row):
      try expect(record, version: row.version - 1)
      machines[record.machine]?.row.version = row.version
      machines[record.machine]?.row.pause = row.pause
      machines[record.machine]?.row.due = row.due
    case .requeue(let due): try requeue(due, record)
    case .condemn(let failure, let version):
      try expect(record, version: version - 1)
      machines[record.machine]?.row.failure = failure
      machines[record.machine]?.row.version = version
      machines[record.machine]?.row.due = nil
    case .delete(let version):
      try expect(record, version: version)
      try require(record.enqueued.isEmpty, .rowRules, "\(record.machine): removed, and notified")
      machines[record.machine] = nil
    }
  }

  private mutating func remember(_ row: IdempotencyRow, of machine: MachineID, now: Timestamp)
    throws(Violation)
  {
    let name = KeyName(machine: machine, key: row.key)
    if let known = keys[name] {
      try require(
        known.expiresAt <= now, .oneEffectPerKey, "\(machine): key \(row.key) is written twice")
    }
    keys[name] = row
  }

  private mutating func insert(_ row: MachineRow, _ record: CommitRecord) throws(Violation) {
    let incarnation = Incarnation(shard: record.shard, key: record.key)
    try require(
      machines[record.machine] == nil, .incarnations, "\(record.machine) is inserted and exists")
    try require(
      usedKeys.insert(incarnation).inserted, .incarnations,
      "\(record.machine): key \(record.key.number) was used before")
    try require(row.version == 1, .rowRules, "\(record.machine): version \(row.version) inserted")
    try require(
      row.machine == record.machine && row.key == record.key && row.shard == record.shard
        && row.namespace == record.namespace, .rowRules,
      "\(record.machine): the row and its record name different machines")
    var machine = StoredMachine(row: row)
    try append(record, to: &machine, lastEventAt: row.createdAt)
    machines[record.machine] = machine
  }

  private mutating func update(_ row: MachineRow, auxChanged: Bool, _ record: CommitRecord)
    throws(Violation)
  {
    try expect(record, version: row.version - 1)
    guard var machine = machines.removeValue(forKey: record.machine) else { return }
    let before = machine.row
    try require(
      row.createdAt == before.createdAt && row.machine == before.machine && row.key == before.key
        && row.shard == before.shard, .rowRules,
      "\(record.machine): an update changes what never changes")
    machine.row = row
    // The count changes by a difference, so that none is lost that was accepted meanwhile.
    machine.row.notificationCount =
      before.notificationCount + Int32(record.enqueued.count) - (record.dequeued == nil ? 0 : 1)
    if !auxChanged { machine.row.auxState = before.auxState }
    try append(record, to: &machine, lastEventAt: before.lastEventAt)
    machines[record.machine] = machine
  }

  private mutating func requeue(_ due: Timestamp?, _ record: CommitRecord) throws(Violation) {
    try require(
      record.events.isEmpty && !record.enqueued.isEmpty, .rowRules,
      "\(record.machine): accepting a notification does something else")
    try expect(record, version: nil)
    guard var machine = machines.removeValue(forKey: record.machine) else { return }
    machine.row.notificationCount += Int32(record.enqueued.count)
    if let due, machine.row.runsByItself {
      machine.row.due = machine.row.due.map { min($0, due) } ?? due
    }
    try append(record, to: &machine, lastEventAt: machine.row.lastEventAt)
    machines[record.machine] = machine
  }

  /// The machine that the record means must be there, at this version.
  private func expect(_ record: CommitRecord, version: Int64?) throws(Violation) {
    guard let row = machines[record.machine]?.row else {
      throw Violation(.incarnations, "\(record.machine): a record for a machine that is not there")
    }
    try require(
      row.key == record.key, .incarnations,
      "\(record.machine): a record for key \(record.key.number), there is \(row.key.number)")
    guard let version else { return }
    try require(
      row.version == version, .ownerCommits,
      "\(record.machine): version \(version) expected, there is \(row.version)")
  }

  private func append(
    _ record: CommitRecord, to machine: inout StoredMachine, lastEventAt: Timestamp
  ) throws(Violation) {
    var latest = lastEventAt
    for event in record.events {
      try require(
        event.id == Int64(machine.events.count) + 1, .historyWithoutGap,
        "\(record.machine): event \(event.id) follows \(machine.events.count)")
      try require(
        event.createdAt >= latest, .historyWithoutGap,
        "\(record.machine): event \(event.id) is older than the one before")
      latest = event.createdAt
      machine.events.append(event)
    }
    if let sequence = record.dequeued {
      try require(
        machine.notifications.first?.sequence == sequence, .notificationsDelivered,
        "\(record.machine): notification \(sequence) is delivered, the head is "
          + "\(machine.notifications.first?.sequence ?? -1)")
      machine.notifications.removeFirst()
    }
    if let head = record.rescheduled {
      try require(
        machine.notifications.first?.sequence == head.sequence, .notificationsDelivered,
        "\(record.machine): notification \(head.sequence) is rescheduled and not the head")
      machine.notifications[0].retry = head.retry
    }
    for notification in record.enqueued {
      try require(
        notification.sequence > machine.notifications.last?.sequence ?? 0,
        .notificationsDelivered,
        "\(record.machine): notification \(notification.sequence) is not behind the last")
      machine.notifications.append(notification)
    }
  }

  /// What the row says of the rows that hang on it must be so once a batch is in.
  private func agrees(_ machine: StoredMachine, now: Timestamp) throws(Violation) {
    let row = machine.row
    try require(
      row.lastEventID == Int64(machine.events.count), .historyWithoutGap,
      "\(row.machine): the row has \(row.lastEventID) events, there are \(machine.events.count)")
    try require(
      row.notificationCount == Int32(machine.notifications.count), .rowRules,
      "\(row.machine): the row has \(row.notificationCount) notifications, there are "
        + "\(machine.notifications.count)")
    if !row.runsByItself {
      try require(row.due == nil, .failedMachineRests, "\(row.machine): rests, and is due")
    } else if let needed = machine.needed {
      let latest = max(needed, now.advanced(byMicroseconds: World.maximumSkew))
      try require(
        row.due.map { $0 <= latest } ?? false, .everythingFinishes,
        "\(row.machine): must be looked at at \(needed.microseconds), its row says "
          + "\(row.due.map { String($0.microseconds) } ?? "never")")
    }
  }
}
