/// A machine as it travels to another database, without its events and its queue: all that it is,
/// and nothing that belongs to the place where it was.
public struct PortableMachine: Sendable, Hashable {
  /// The id within its namespace, whatever that is called where it goes.
  public var id: String
  /// When it was started.
  public var createdAt: Timestamp
  /// Since when it works; nil = since its start, or it is failed.
  public var since: Timestamp?
  /// nil = it works.
  public var failure: Failure?
  /// nil = it is not paused.
  public var pause: Pause?
  /// nil = none.
  public var auxState: Content?
  /// nil = none is set.
  public var timer: PortableTimer?
  /// How many events it has: their ids are 1 to this.
  public var lastEventID: Int64
  /// How many notifications are queued; more may have been accepted since.
  public var queuedNotifications: Int32
  /// What its process waits for, as its processor said; nil = it does not say.
  public var waitingFor: String?

  public init(
    id: String, createdAt: Timestamp, since: Timestamp? = nil, failure: Failure? = nil,
    pause: Pause? = nil, auxState: Content? = nil, timer: PortableTimer? = nil,
    lastEventID: Int64 = 0, queuedNotifications: Int32 = 0, waitingFor: String? = nil
  ) {
    self.id = id
    self.createdAt = createdAt
    self.since = since
    self.failure = failure
    self.pause = pause
    self.auxState = auxState
    self.timer = timer
    self.lastEventID = lastEventID
    self.queuedNotifications = queuedNotifications
    self.waitingFor = waitingFor
  }
}

/// A timer as it travels.
public struct PortableTimer: Sendable, Hashable {
  /// When it fires; one that has passed fires at once.
  public var firesAt: Timestamp
  /// What the timeout is shown; nil = the namespace's default.
  public var historyRange: HistoryRange?
  /// Microseconds, nil = the namespace's.
  public var processingTimeout: Int64?
  /// What is handed to the processor with the timeout.
  public var metadata: [CallerContext.Entry]
  /// How its timeout fares; nil = it was not tried.
  public var retry: RetryState?

  public init(
    firesAt: Timestamp, historyRange: HistoryRange? = nil, processingTimeout: Int64? = nil,
    metadata: [CallerContext.Entry] = [], retry: RetryState? = nil
  ) {
    self.firesAt = firesAt
    self.historyRange = historyRange
    self.processingTimeout = processingTimeout
    self.metadata = metadata
    self.retry = retry
  }
}

/// A queued notification as it travels. Its id stays behind: ids name a place in a database.
public struct PortableNotification: Sendable, Hashable {
  /// When it was accepted.
  public var acceptedAt: Timestamp
  /// The client's bytes.
  public var args: [UInt8]
  /// What the signal is shown; nil = the namespace's default.
  public var historyRange: HistoryRange?
  /// What is handed to the processor with it.
  public var metadata: [CallerContext.Entry]
  /// Of the first of the queue, if it was tried.
  public var retry: RetryState?

  public init(
    acceptedAt: Timestamp, args: [UInt8] = [], historyRange: HistoryRange? = nil,
    metadata: [CallerContext.Entry] = [], retry: RetryState? = nil
  ) {
    self.acceptedAt = acceptedAt
    self.args = args
    self.historyRange = historyRange
    self.metadata = metadata
    self.retry = retry
  }
}

/// A piece of a machine on its way. The head comes first and the end last; between them are its
/// events and its queue, each in order.
public enum MachinePart: Sendable, Hashable {
  /// Where a machine begins.
  case head(PortableMachine)
  /// The next events.
  case events([Event])
  /// The next notifications.
  case notifications([PortableNotification])
  /// Where it ends.
  case end(MachineEnd)
}

/// Behind the last piece of a machine.
public struct MachineEnd: Sendable, Hashable {
  /// The machine's id.
  public var id: String
  /// Why everything since its head is to be thrown away; nil = the machine is complete.
  public var discarded: String?

  public init(id: String, discarded: String? = nil) {
    self.id = id
    self.discarded = discarded
  }
}

/// A whole machine that was carried here.
public struct ImportedMachine: Sendable, Hashable {
  /// All but what follows.
  public var head: PortableMachine
  /// With the ids 1, 2, 3 and so on.
  public var events: [Event]
  /// In order of delivery.
  public var notifications: [PortableNotification]
  /// For what it takes in memory; nil = nobody counts.
  public var charge: Charge?

  public init(
    head: PortableMachine, events: [Event] = [], notifications: [PortableNotification] = [],
    charge: Charge? = nil
  ) {
    self.head = head
    self.events = events
    self.notifications = notifications
    self.charge = charge
  }
}
