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
      let sender = Incarnation(shard: record.shard, key: record.key)
      let forgotten = record.forgotten == nil ? [] : (messages[sender] ?? [:]).map(\.value)
      try apply(record, now: now)
      applied.append(
        AppliedRecord(
          record: record, previous: before, after: machines[record.machine]?.row,
          forgotten: forgotten))
    }
    try applyMessages(of: batch.records)
    for record in batch.records where record.row != .keep || !record.messageCounts.isZero {
      let machine = machines[record.machine]
      if let machine { try agrees(machine, now: now) }
      try feed.agrees(with: machine, named: record.machine)
    }
    return .applied(applied)
  }

  /// Each kind of row is one statement, so that of a step's due time and that of a notification
  /// accepted meanwhile the earlier one stays.
  private func inOrder(_ records: [CommitRecord]) -> [CommitRecord] {
    let kinds = records.map(\.mainKind)
    guard kinds.contains(where: { $0 != kinds[0] }) else { return records }
    return ([nil] + RowWrite.Kind.allCases).flatMap { kind in
      zip(records, kinds).filter { $0.1 == kind }.map(\.0)
    }
  }

  private mutating func apply(_ record: CommitRecord, now: Timestamp) throws(Violation) {
    try keepsRules(record)
    if let options = feed.options[ExactText(record.machine.namespace)] {
      try SimulatedFeed.tells(record, options)
    }
    try record.forEachWrite { (write) throws(Violation) in
      switch write {
      case .rememberKey(let row): try remember(row, of: record.machine, now: now)
      case .insertMachine(var row, _, let messages):
        row.pendingMessages = messages.pending
        try insert(row, record)
      case .insertFeed(let note): try feed.append(note, record)
      case .insertMessage, .deleteMessage, .deleteMessages, .postponeMessage: break
      case .countMessages(let difference):
        guard machines[record.machine]?.row.key == record.key else { break }
        machines[record.machine]?.row.pendingMessages += difference.pending
        machines[record.machine]?.row.undeliveredMessages += difference.undelivered
      case .deleteMachine(let version):
        try expect(record)
        try machines[record.machine]?.expect(version: version)
        machines[record.machine] = nil
      default:
        try expect(record)
        try machines[record.machine]?.apply(write)
      }
    }
  }

  /// What the parts of a record say together.
  private func keepsRules(_ record: CommitRecord) throws(Violation) {
    switch record.row {
    case .keep:
      try require(
        record.events.isEmpty && record.enqueued.isEmpty && record.dequeued == nil
          && record.dropped == nil && record.rescheduled == nil, .rowRules,
        "\(record.machine): a record that keeps the row changes what hangs on it")
    case .requeue:
      try require(
        record.events.isEmpty && !record.enqueued.isEmpty, .rowRules,
        "\(record.machine): accepting a notification does something else")
    case .delete:
      try require(record.enqueued.isEmpty, .rowRules, "\(record.machine): removed, and notified")
    case .insert, .update, .pause, .condemn: break
    }
    try keepsQueueRules(record)
  }

  private func keepsQueueRules(_ record: CommitRecord) throws(Violation) {
    let head = machines[record.machine]?.notifications.first?.sequence
    if let sequence = record.dequeued {
      try require(
        head == sequence, .notificationsDelivered,
        "\(record.machine): notification \(sequence) is delivered, the head is \(head ?? -1)")
    }
    guard let dropped = record.dropped else { return }
    guard case .update = record.row, record.events.isEmpty, record.dequeued == nil,
      record.rescheduled == nil, dropped.isHead == (head == dropped.sequence)
    else {
      throw Violation(
        .rowRules, "\(record.machine): dropping \(dropped.sequence) does something else")
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
    machines[record.machine] = StoredMachine(row: row)
  }

  /// The machine that the record means must be there.
  private func expect(_ record: CommitRecord) throws(Violation) {
    guard let row = machines[record.machine]?.row else {
      throw Violation(.incarnations, "\(record.machine): a record for a machine that is not there")
    }
    try require(
      row.key == record.key, .incarnations,
      "\(record.machine): a record for key \(record.key.number), there is \(row.key.number)")
  }

  /// What the row says of the rows that hang on it must be so once a batch is in.
  private func agrees(_ machine: StoredMachine, now: Timestamp) throws(Violation) {
    let row = machine.row
    try countsMessages(row)
    try require(
      row.lastEventID == Int64(machine.events.count), .historyWithoutGap,
      "\(row.machine): the row has \(row.lastEventID) events, there are \(machine.events.count)")
    try require(
      row.lastEventAt == machine.events.last?.createdAt ?? row.createdAt, .historyWithoutGap,
      "\(row.machine): the row does not have the time of its last event")
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

extension CommitRecord {
  /// Of what it writes first; nil = it writes nothing of a machine.
  fileprivate var mainKind: RowWrite.Kind? {
    var kind: RowWrite.Kind?
    forEachWrite { if kind == nil { kind = $0.kind } }
    return kind == .rememberKey ? nil : kind
  }
}
