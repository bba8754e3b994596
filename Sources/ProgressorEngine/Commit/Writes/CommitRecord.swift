public import MachineModel

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
  /// The row fails, works again or waits for something else: what is only known then is written
  /// with it.
  public var hasNotes = false
  /// Ids continue the machine's history without a gap.
  public var events: [Event]
  /// Accepted notifications; the machine must exist when they are written.
  public var enqueued: [QueuedNotification]
  /// The notification that the step delivered.
  public var dequeued: Int64?
  /// A notification that is taken out of the queue, undelivered.
  @Rare public var dropped: DroppedNotification?
  /// The head of the queue with its new retry state.
  @Rare public var rescheduled: QueuedNotification?
  /// Messages that the machine sends.
  public var sent: [MessageRow] = []
  /// Messages that are taken out, by number: they are cancelled, or have had their effect.
  public var takenOut: [Int64] = []
  /// A message of the machine that is tried again later, or never.
  @Rare public var postponed: PendingMessage? = nil
  /// Of the machine, which is removed, the messages that are due later than this go, and those that
  /// can never be delivered; nil = it has none.
  public var forgotten: Timestamp?
  /// By how much the numbers of its messages change.
  public var messageCounts = MessageDifference()
  /// The reply to be remembered with the step; nil = the request had no key.
  public var idempotency: IdempotencyRow?
  /// What is kept of the step for those who ask what happened; nil = nothing.
  @Rare public var traced: TracedStep?
  /// What those are told who follow along, in this order.
  public var feed: [FeedNote] = []
  /// What people are told of it; it is written nowhere.
  @Rare public var news: MachineNews? = nil
  /// Who asked for it, or for what caused it, where somebody follows traces
  /// (``EngineConfiguration/namesCauses``); it is written nowhere.
  @Rare public var cause: CallerContext? = nil
  /// For what it takes in memory, until its outcome is known; it is written nowhere.
  public var charge: Charge?

  public init(
    shard: ShardID, namespace: NamespaceNumber, machine: MachineID, key: MachineKey,
    row: RowChange = .keep, events: [Event] = [], enqueued: [QueuedNotification] = [],
    dequeued: Int64? = nil, dropped: DroppedNotification? = nil,
    rescheduled: QueuedNotification? = nil, idempotency: IdempotencyRow? = nil,
    traced: TracedStep? = nil
  ) {
    self.shard = shard
    self.namespace = namespace
    self.machine = machine
    self.key = key
    self.row = row
    self.events = events
    self.enqueued = enqueued
    self.dequeued = dequeued
    self.dropped = dropped
    self.rescheduled = rescheduled
    self.idempotency = idempotency
    self.traced = traced
  }

  /// About how many bytes travel to the database.
  public var bytes: Int {
    var sum = 512
    for event in events { sum += event.body.data.count + 48 }
    for notification in enqueued { sum += notification.args.count + 256 }
    for message in sent { sum += message.bytes }
    for note in feed { sum += note.bytes }
    switch row {
    case .insert(let row), .update(let row, auxChanged: true):
      sum += row.auxState?.data.count ?? 0
    case .keep, .update, .pause, .requeue, .condemn, .delete: break
    }
    switch idempotency?.reply {
    case .called(let response), .repaired(let response): sum += response.count
    case .started, .notified, nil: break
    }
    if let traced { sum += traced.record.message.utf8.count + 256 }
    return sum
  }
}

/// A notification that is taken out of its queue, undelivered.
public struct DroppedNotification: Sendable, Hashable {
  /// Which.
  public var sequence: Int64
  /// Whether it is the queue's head, whose retry state goes with it.
  public var isHead: Bool

  public init(sequence: Int64, isHead: Bool) {
    self.sequence = sequence
    self.isHead = isHead
  }
}

/// What happens to a machine's row.
public enum RowChange: Sendable, Hashable {
  case keep
  /// Its version is 1, of a paused one 2.
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
  /// of the latter afterwards: the length of a history is no part of the cost. Messages go as the
  /// record's `forgotten` says.
  case delete(expectedVersion: Int64)
}

/// What is written of one row. All that storage, or what plays it, has to know of a record: the
/// statements, the witness of a batch and the simulated database are made of these.
public enum RowWrite: Sendable {
  case insertMachine(MachineRow, QueueDifference, MessageDifference)
  /// The row as it shall be; its version is one more than what the database must hold. Without
  /// `auxChanged` the aux state stays. The count of notifications changes by the difference only.
  case updateMachine(MachineRow, auxChanged: Bool, QueueDifference, MessageDifference)
  /// Of the row as it is after `updateMachine`: when it was repaired last, what failed it, and what
  /// its process waits for.
  case noteStatus(MachineRow)
  /// Of the row as it shall be, its pause, its due time and its version.
  case pauseMachine(MachineRow)
  /// `version` is the one that the row shall have.
  case condemnMachine(Failure, version: Int64)
  /// The due time becomes the earlier of what it is and `due`, of a machine that runs by itself.
  case requeueMachine(due: Timestamp?, QueueDifference)
  /// The numbers of the machine's messages, if it is still there.
  case countMessages(MessageDifference)
  case insertEvent(Event)
  /// What happened, for those who ask.
  case insertTrace(TracedStep)
  /// What happened, for those who follow along: it gets the next number of its shard.
  case insertFeed(FeedNote)
  case insertNotification(QueuedNotification)
  case deleteNotification(sequence: Int64)
  /// The head of the queue with its new retry state.
  case rescheduleNotification(QueuedNotification)
  /// The message with its new state.
  case postponeMessage(PendingMessage)
  case deleteMessage(number: Int64)
  /// Messages that are due later than this, or can never be delivered.
  case deleteMessages(dueAfter: Timestamp)
  case insertMessage(MessageRow)
  /// The row must have this version.
  case deleteMachine(version: Int64)
  /// An expired row under the same key is replaced; another one is a conflict (I8).
  case rememberKey(IdempotencyRow)

  /// A kind of row write, without what is written: all of a kind in a batch go together.
  ///
  /// In the order in which they are written: rows are inserted before what hangs on them, and a
  /// machine that was changed is requeued afterwards, so that the earlier of both due times counts.
  public enum Kind: Int, Sendable, CaseIterable {
    case insertMachine
    case updateMachine
    case noteStatus
    case pauseMachine
    case condemnMachine
    case requeueMachine
    case countMessages
    case insertEvent
    case insertTrace
    case insertFeed
    case insertNotification
    case deleteNotification
    case rescheduleNotification
    case postponeMessage
    case deleteMessage
    case deleteMessages
    case insertMessage
    case deleteMachine
    case rememberKey
  }

  /// Its kind.
  public var kind: Kind {
    switch self {
    case .insertMachine: .insertMachine
    case .updateMachine: .updateMachine
    case .noteStatus: .noteStatus
    case .pauseMachine: .pauseMachine
    case .condemnMachine: .condemnMachine
    case .requeueMachine: .requeueMachine
    case .countMessages: .countMessages
    case .insertEvent: .insertEvent
    case .insertTrace: .insertTrace
    case .insertFeed: .insertFeed
    case .insertNotification: .insertNotification
    case .deleteNotification: .deleteNotification
    case .rescheduleNotification: .rescheduleNotification
    case .postponeMessage: .postponeMessage
    case .deleteMessage: .deleteMessage
    case .deleteMessages: .deleteMessages
    case .insertMessage: .insertMessage
    case .deleteMachine: .deleteMachine
    case .rememberKey: .rememberKey
    }
  }
}

/// What a record does to the queue of its machine's notifications, as the machine's row tells it.
public struct QueueDifference: Sendable, Hashable {
  /// By how much the number of queued notifications changes.
  public var count: Int32
  /// Whether the head backs off afterwards; nil = as before.
  public var headIsRetrying: Bool?
}

/// By how much the numbers of a machine's messages change, as its row tells them.
public struct MessageDifference: Sendable, Hashable {
  /// Those that can still be delivered.
  public var pending: Int32 = 0
  /// Those that can never be delivered.
  public var undelivered: Int32 = 0

  public init(pending: Int32 = 0, undelivered: Int32 = 0) {
    self.pending = pending
    self.undelivered = undelivered
  }

  /// Nothing changes.
  public var isZero: Bool { pending == 0 && undelivered == 0 }
}

extension CommitRecord {
  /// When its machine's row says that it is due since something was queued; nil = that is as it
  /// was.
  var requeued: Timestamp? {
    if case .requeue(let due) = row { due } else { nil }
  }

  /// Calls `body` with each row that the record writes, in the order of `RowWrite.Kind`.
  public func forEachWrite<Failure: Error>(
    _ body: (RowWrite) throws(Failure) -> Void
  ) throws(Failure) {
    let queue = queueDifference
    switch row {
    case .keep:
      if queue.count != 0 { try body(.requeueMachine(due: nil, queue)) }
      if !messageCounts.isZero { try body(.countMessages(messageCounts)) }
    case .insert(let row):
      // The row's pause is written by what writes pauses: that is its second version.
      var first = row
      first.version = 1
      try body(.insertMachine(first, queue, messageCounts))
      if hasNotes { try body(.noteStatus(first)) }
      if row.pause != nil { try body(.pauseMachine(row)) }
    case .update(let row, let auxChanged):
      try body(.updateMachine(row, auxChanged: auxChanged, queue, messageCounts))
      if hasNotes { try body(.noteStatus(row)) }
    case .pause(let row): try body(.pauseMachine(row))
    case .requeue(let due):
      try body(.requeueMachine(due: due, queue))
      if !messageCounts.isZero { try body(.countMessages(messageCounts)) }
    case .condemn(let failure, let version):
      try body(.condemnMachine(failure, version: version))
    // With the machine goes what hangs on it: what this record has of that is not written.
    case .delete: break
    }
    if !removesMachine {
      for event in events { try body(.insertEvent(event)) }
      if let traced { try body(.insertTrace(traced)) }
      for notification in enqueued { try body(.insertNotification(notification)) }
      if let sequence = dequeued ?? dropped?.sequence {
        try body(.deleteNotification(sequence: sequence))
      }
      if let head = rescheduled { try body(.rescheduleNotification(head)) }
    }
    for note in feed { try body(.insertFeed(note)) }
    try forEachMessageWrite(body)
    if case .delete(let version) = row { try body(.deleteMachine(version: version)) }
    if let idempotency { try body(.rememberKey(idempotency)) }
  }

  private func forEachMessageWrite<Failure: Error>(
    _ body: (RowWrite) throws(Failure) -> Void
  ) throws(Failure) {
    if let postponed { try body(.postponeMessage(postponed)) }
    for number in takenOut { try body(.deleteMessage(number: number)) }
    if let forgotten { try body(.deleteMessages(dueAfter: forgotten)) }
    for message in sent { try body(.insertMessage(message)) }
  }

  /// Whether there is not a row to be written.
  var writesNothing: Bool {
    var count = 0
    forEachWrite { _ in count += 1 }
    return count == 0
  }

  /// Whether the machine is gone afterwards.
  public var removesMachine: Bool {
    if case .delete = row { true } else { false }
  }

  private var queueDifference: QueueDifference {
    let takesOneOut = dequeued != nil || dropped != nil
    let takesHeadOut = dequeued != nil || dropped?.isHead == true
    var difference = QueueDifference(
      count: Int32(clamping: enqueued.count) - (takesOneOut ? 1 : 0),
      headIsRetrying: takesHeadOut ? false : nil)
    if let rescheduled { difference.headIsRetrying = rescheduled.retry != nil }
    if case .insert = row, let head = enqueued.first, head.retry != nil {
      difference.headIsRetrying = true
    }
    return difference
  }
}
