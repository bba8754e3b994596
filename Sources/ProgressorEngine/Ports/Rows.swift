public import MachineModel

/// A machine as the database holds it.
public struct MachineRow: Sendable, Hashable {
  public var key: MachineKey
  public var shard: ShardID
  public var namespace: NamespaceNumber
  public var machine: MachineID
  /// 1 when inserted, plus one with each update: the second safeguard beside the fence.
  public var version: Int64
  public var createdAt: Timestamp
  public var lastEventID: Int64
  /// `created_at` of the last event; later events are never earlier.
  public var lastEventAt: Timestamp
  public var auxState: Content?
  /// nil = working.
  public var failure: Failure?
  /// nil = not paused.
  public var pause: Pause?
  public var timer: TimerRow?
  /// Notifications queued.
  public var notificationCount: Int32
  /// When the machine next has something to do by itself, nil = nothing (always when failed or
  /// paused).
  public var due: Timestamp?

  public init(
    key: MachineKey, shard: ShardID, namespace: NamespaceNumber, machine: MachineID,
    version: Int64, createdAt: Timestamp, lastEventID: Int64, lastEventAt: Timestamp,
    auxState: Content?, failure: Failure?, pause: Pause? = nil, timer: TimerRow?,
    notificationCount: Int32, due: Timestamp?
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
    self.pause = pause
    self.timer = timer
    self.notificationCount = notificationCount
    self.due = due
  }

  /// Whether timeouts and notifications may run.
  public var runsByItself: Bool { failure == nil && pause == nil }
}

/// How often a timeout or notification was tried, and when it is tried next.
public struct RetryState: Sendable, Hashable {
  /// The attempt that failed last.
  public var attempt: Int32
  public var nextAttemptAt: Timestamp
  public var lastCode: Int32
  public var lastMessage: String

  public static let maximumMessageBytes = 1024

  public init(attempt: Int32, nextAttemptAt: Timestamp, lastCode: Int32, lastMessage: String) {
    self.attempt = attempt
    self.nextAttemptAt = nextAttemptAt
    self.lastCode = lastCode
    self.lastMessage = lastMessage.fitToKeep(utf8Bytes: RetryState.maximumMessageBytes)
  }
}

/// A timer as set, and how its timeout fares.
public struct TimerRow: Sendable, Hashable {
  /// Distinguishes one setting from the next: `progressor-step` of the timeout is made of it.
  public var serial: Int64
  public var firesAt: Timestamp
  public var historyRange: HistoryRange?
  /// Microseconds, nil = the namespace's.
  public var processingTimeout: Int64?
  public var context: CallerContext
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
  public var notificationID: String
  public var args: [UInt8]
  public var historyRange: HistoryRange?
  public var context: CallerContext
  public var acceptedAt: Timestamp
  /// Set on the head of the queue only.
  public var retry: RetryState?

  public init(
    sequence: Int64, notificationID: String, args: [UInt8], historyRange: HistoryRange?,
    context: CallerContext, acceptedAt: Timestamp, retry: RetryState? = nil
  ) {
    self.sequence = sequence
    self.notificationID = notificationID
    self.args = args
    self.historyRange = historyRange
    self.context = context
    self.acceptedAt = acceptedAt
    self.retry = retry
  }
}

/// What an idempotency key remembers. It belongs to a machine's id, not to its incarnation.
public struct IdempotencyRow: Sendable, Hashable {
  public var key: String
  /// The method and the arguments, hashed: the same key with others is INVALID_ARGUMENT.
  public var fingerprint: [UInt8]
  public var reply: StoredReply
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
