import MachineModel
import ProgressorEngine

/// A machine's rows in the simulated database.
struct StoredMachine {
  var row: MachineRow
  var events: [Event] = []
  /// Ascending by sequence.
  var notifications: [QueuedNotification] = []
  /// Ascending by sequence.
  var trace: [StepRecord] = []

  /// When the machine must be looked at next, by what hangs on its row.
  var needed: Timestamp? { row.runsByItself ? pending : nil }

  /// The same were it not paused or failed.
  private var pending: Timestamp? {
    let delivery = notifications.first.map { $0.retry?.nextAttemptAt ?? $0.acceptedAt }
    guard let timer = row.timer?.due else { return delivery }
    return delivery.map { min($0, timer) } ?? timer
  }

  /// Whether a filter of `List` has it.
  func isShown(by filter: StatusFilter, now: Timestamp) -> Bool {
    switch filter {
    case .any: true
    case .working: row.failure == nil
    case .failed: row.failure != nil
    case .paused: row.pause != nil
    case .retrying: row.failure == nil && !retrying.isEmpty
    case .late:
      row.failure == nil
        && pending.map { $0 <= now.advanced(byMicroseconds: -StatusFilter.lateAfter) } ?? false
    }
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
    var machine = Machine(
      machineID: row.machine, history: [],
      historyRange: HistoryRange(after: 0, limit: 0, direction: .forward), status: status,
      auxState: row.auxState, timer: row.timer?.firesAt, lastEventID: row.lastEventID,
      createdAt: row.createdAt, pause: row.pause, since: row.since)
    machine.queuedNotifications = row.notificationCount
    machine.waitingFor = row.waitingFor
    machine.pendingMessages = row.pendingMessages
    machine.undeliveredMessages = row.undeliveredMessages
    return machine
  }
}

extension StoredMachine {
  /// Changes the machine's row, or what hangs on it.
  mutating func apply(_ write: RowWrite) throws(Violation) {
    switch write {
    case .updateMachine(let row, let auxChanged, let queue, let messages):
      try update(row, auxChanged: auxChanged, queue, messages)
    case .noteStatus(let changed):
      try expect(version: changed.version)
      row.repairedAt = changed.repairedAt
      row.failure?.step = changed.failure?.step ?? ""
      row.failure?.principal = changed.failure?.principal
      row.waitingFor = changed.waitingFor
    case .pauseMachine(let changed):
      try expect(version: changed.version - 1)
      row.version = changed.version
      row.pause = changed.pause
      row.due = changed.due
    case .condemnMachine(let failure, let version):
      try expect(version: version - 1)
      row.failure = failure
      row.version = version
      row.due = nil
    case .requeueMachine(let due, let queue):
      row.notificationCount += queue.count
      if let due, row.runsByItself { row.due = row.due.map { min($0, due) } ?? due }
    case .insertEvent(let event): try append(event)
    case .insertTrace(let step): trace.append(step.record)
    case .insertNotification(let notification): try append(notification)
    case .deleteNotification(let sequence):
      guard let index = notifications.firstIndex(where: { $0.sequence == sequence }) else {
        throw Violation(
          .notificationsDelivered, "\(row.machine): notification \(sequence) is not queued")
      }
      notifications.remove(at: index)
    case .rescheduleNotification(let head):
      try require(
        notifications.first?.sequence == head.sequence, .notificationsDelivered,
        "\(row.machine): notification \(head.sequence) is rescheduled and not the head")
      notifications[0].retry = head.retry
    // Of machines as a whole, and of what outlives them: the storage's.
    case .insertMachine, .deleteMachine, .rememberKey, .countMessages, .insertMessage,
      .deleteMessage, .deleteMessages, .postponeMessage, .insertFeed:
      assertionFailure("\(write.kind) is nothing within a machine")
    }
  }

  /// The row must be at this version.
  func expect(version: Int64) throws(Violation) {
    try require(
      row.version == version, .ownerCommits,
      "\(row.machine): version \(version) expected, there is \(row.version)")
  }

  private mutating func update(
    _ changed: MachineRow, auxChanged: Bool, _ queue: QueueDifference, _ messages: MessageDifference
  ) throws(Violation) {
    try expect(version: changed.version - 1)
    let before = row
    try require(
      changed.createdAt == before.createdAt && changed.machine == before.machine
        && changed.key == before.key && changed.shard == before.shard, .rowRules,
      "\(before.machine): an update changes what never changes")
    row = changed
    // What is written only with a change of status.
    row.repairedAt = before.repairedAt
    row.waitingFor = before.waitingFor
    row.failure?.step = before.failure?.step ?? ""
    row.failure?.principal = before.failure?.principal
    // The count changes by a difference, so that none is lost that was accepted meanwhile.
    row.notificationCount = before.notificationCount + queue.count
    row.pendingMessages = before.pendingMessages + messages.pending
    row.undeliveredMessages = before.undeliveredMessages + messages.undelivered
    if !auxChanged { row.auxState = before.auxState }
  }

  private mutating func append(_ event: Event) throws(Violation) {
    try require(
      event.id == Int64(events.count) + 1, .historyWithoutGap,
      "\(row.machine): event \(event.id) follows \(events.count)")
    try require(
      event.createdAt >= events.last?.createdAt ?? row.createdAt, .historyWithoutGap,
      "\(row.machine): event \(event.id) is older than the one before")
    events.append(event)
  }

  private mutating func append(_ notification: QueuedNotification) throws(Violation) {
    try require(
      notification.sequence > notifications.last?.sequence ?? 0, .notificationsDelivered,
      "\(row.machine): notification \(notification.sequence) is not behind the last")
    notifications.append(notification)
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
  /// The messages of a machine that is removed, before that.
  var forgotten: [MessageRow] = []

  var before: MachineRow? { previous?.row }
  /// A step of a machine that worked failed it.
  var failsMachine: Bool {
    guard case .update = record.row else { return false }
    return before?.failure == nil && after?.failure != nil
  }
  /// The head of the queue of notifications before.
  var head: QueuedNotification? { previous?.notifications.first }
}
