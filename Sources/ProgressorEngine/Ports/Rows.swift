public import MachineModel

/// A machine as the database holds it.
public struct MachineRow: Sendable, Hashable {
  /// Its key, and so its incarnation (I12).
  public var key: MachineKey
  /// The shard that its name belongs to.
  public var shard: ShardID
  /// The namespace's number in the database.
  public var namespace: NamespaceNumber
  /// Its name.
  public var machine: MachineID
  /// 1 when inserted, plus one with each update: the second safeguard beside the fence.
  public var version: Int64
  /// When it was started.
  public var createdAt: Timestamp
  /// The id of the newest event, 0 = there is none (I3).
  public var lastEventID: Int64
  /// `created_at` of the last event; later events are never earlier.
  public var lastEventAt: Timestamp
  /// nil = none.
  public var auxState: Content?
  /// nil = working.
  @Rare public var failure: Failure?
  /// When it was repaired last; nil = never, or is not known.
  public var repairedAt: Timestamp?
  /// nil = not paused.
  @Rare public var pause: Pause?
  /// The timer that is set, or whose timeout is being retried; nil = none.
  public var timer: TimerRow?
  /// Notifications queued.
  public var notificationCount: Int32
  /// What its process waits for, as its processor said, for people; nil = it does not say.
  public var waitingFor: String?
  /// Messages that it sent and that can still be delivered.
  public var pendingMessages: Int32 = 0
  /// Messages that it sent and that can never be delivered.
  public var undeliveredMessages: Int32 = 0
  /// When the machine next has something to do by itself, nil = nothing (always when failed or
  /// paused).
  public var due: Timestamp?

  public init(
    key: MachineKey, shard: ShardID, namespace: NamespaceNumber, machine: MachineID,
    version: Int64, createdAt: Timestamp, lastEventID: Int64, lastEventAt: Timestamp,
    auxState: Content?, failure: Failure?, repairedAt: Timestamp? = nil, pause: Pause? = nil,
    timer: TimerRow?, notificationCount: Int32, due: Timestamp?, waitingFor: String? = nil
  ) {
    self.key = key
    self.shard = shard
    self.namespace = namespace
    self.machine = machine
    self.version = version
    self.createdAt = createdAt
    self.lastEventID = lastEventID
    self.lastEventAt = lastEventAt
    self.auxState = auxState
    self.failure = failure
    self.repairedAt = repairedAt
    self.pause = pause
    self.timer = timer
    self.notificationCount = notificationCount
    self.due = due
    self.waitingFor = waitingFor
  }

  /// Whether timeouts and notifications may run.
  public var runsByItself: Bool { failure == nil && pause == nil }

  /// Since when it has its status. Where a node that did not know of this repaired it, the time of
  /// the repair before that, or of its start.
  public var since: Timestamp { failure?.failedAt ?? repairedAt ?? createdAt }
}

/// A timer as set, and how its timeout fares.
public struct TimerRow: Sendable, Hashable {
  /// Distinguishes one setting from the next: `progressor-step` of the timeout is made of it.
  public var serial: Int64
  /// When it fires; never before (I6).
  public var firesAt: Timestamp
  /// What the timeout is shown; nil = the namespace's default.
  public var historyRange: HistoryRange?
  /// Microseconds, nil = the namespace's.
  public var processingTimeout: Int64?
  /// The metadata of the caller who caused the setting, for the timeout's call.
  public var context: CallerContext
  /// How its timeout fares; nil = not tried yet, or not failed.
  public var retry: RetryState?

  public init(
    serial: Int64, firesAt: Timestamp, historyRange: HistoryRange?, processingTimeout: Int64?,
    context: CallerContext, retry: RetryState? = nil
  ) {
    self.serial = serial
    self.firesAt = firesAt
    self.historyRange = historyRange
    self.processingTimeout = processingTimeout
    self.context = context
    self.retry = retry
  }

  /// When the timeout runs next.
  public var due: Timestamp { retry?.nextAttemptAt ?? firesAt }
}

/// An accepted notification that waits for its delivery.
public struct QueuedNotification: Sendable, Hashable {
  /// Grows with acceptance within a machine: the order of delivery.
  public var sequence: Int64
  /// The id that Notify answered.
  public var notificationID: String
  /// For the processor; the client's bytes.
  public var args: [UInt8]
  /// What the signal is shown; nil = the namespace's default.
  public var historyRange: HistoryRange?
  /// The metadata of the caller, for the signal's call.
  public var context: CallerContext
  /// When it was accepted.
  public var acceptedAt: Timestamp
  /// Set on the head of the queue only.
  @Rare public var retry: RetryState?
  /// Who notifies.
  public var origin: Origin

  /// Who notifies a machine.
  public enum Origin: Sendable, Hashable {
    case client
    /// A message of another machine, or of the same.
    indirect case machine(MachineID)
    /// A message of the machine that can never be delivered. Its `args` are the notification's.
    indirect case undelivered(
      target: MachineID, name: String, code: Int32, reason: String)
  }

  public init(
    sequence: Int64, notificationID: String, args: [UInt8], historyRange: HistoryRange?,
    context: CallerContext, acceptedAt: Timestamp, retry: RetryState? = nil,
    origin: Origin = .client
  ) {
    self.sequence = sequence
    self.notificationID = notificationID
    self.args = args
    self.historyRange = historyRange
    self.context = context
    self.acceptedAt = acceptedAt
    self.retry = retry
    self.origin = origin
  }
}

/// What an idempotency key remembers. It belongs to a machine's id, not to its incarnation.
public struct IdempotencyRow: Sendable, Hashable {
  /// The client's key.
  public var key: String
  /// The method and the arguments, hashed: the same key with others is INVALID_ARGUMENT.
  public var fingerprint: [UInt8]
  /// What is answered to whoever comes with the key again.
  public var reply: StoredReply
  /// When it is forgotten; later requests with the key are new ones.
  public var expiresAt: Timestamp

  public init(key: String, fingerprint: [UInt8], reply: StoredReply, expiresAt: Timestamp) {
    self.key = key
    self.fingerprint = fingerprint
    self.reply = reply
    self.expiresAt = expiresAt
  }
}

/// Replies worth remembering: OK ones of Start, Call, Notify and Repair.
public enum StoredReply: Sendable, Hashable {
  case started
  case called(response: [UInt8])
  case notified(notificationID: String)
  case repaired(response: [UInt8])
}

/// What is kept of a step for those who ask what happened.
public struct TracedStep: Sendable, Hashable {
  /// What happened.
  public var record: StepRecord
  /// When it is forgotten.
  public var expiresAt: Timestamp

  public init(record: StepRecord, expiresAt: Timestamp) {
    self.record = record
    self.expiresAt = expiresAt
  }
}
