public import MachineModel

/// A client's request, decoded and validated as far as no state is needed for it.
public struct Request: Sendable {
  /// Under which the engine replies, exactly once.
  public var id: RequestID
  /// For `list`, `id` is empty.
  public var machine: MachineID
  /// What is asked for, with its arguments.
  public var operation: Operation
  /// On `Moment.uptime`; a caller without a deadline gets the server's default.
  public var deadline: Int64
  /// What of the caller's metadata is handed on to the processor.
  public var context: CallerContext
  /// Of a call, notification or repair: the id of the machine's last event, else nothing happens;
  /// nil = whatever it is.
  public var expectedLastEventID: Int64?
  /// The machine whose message it delivers; nil = a client asks.
  public var sender: MachineID?

  public init(
    id: RequestID, machine: MachineID, operation: Operation, deadline: Int64,
    context: CallerContext = CallerContext(), expectedLastEventID: Int64? = nil
  ) {
    self.id = id
    self.machine = machine
    self.operation = operation
    self.deadline = deadline
    self.context = context
    self.expectedLastEventID = expectedLastEventID
  }
}

/// The next piece of a `Watch`: events behind one, and the machine, as soon as there is something
/// new.
public struct WatchQuery: Sendable, Hashable {
  /// The id of the last event that was shown; 0 = none.
  public var after: Int64
  /// The most events of the piece.
  public var limit: Int32
  /// What was shown last: while the machine is that, the answer waits. nil = it comes at once.
  public var since: MachineMark?
  /// How long it waits at most; the machine is shown as it is then. Microseconds.
  public var patience: Int64

  public init(after: Int64, limit: Int32, since: MachineMark?, patience: Int64) {
    self.after = after
    self.limit = limit
    self.since = since
    self.patience = patience
  }
}

/// What a machine is at one time, among all that it and others of its name ever are.
public struct MachineMark: Sendable, Hashable {
  /// Its incarnation (I12).
  public let key: MachineKey
  let version: Int64
  let notificationCount: Int32
  let messages: MessageDifference

  package init(_ row: MachineRow) {
    (key, version, notificationCount) = (row.key, row.version, row.notificationCount)
    messages = MessageDifference(
      pending: row.pendingMessages, undelivered: row.undeliveredMessages)
  }
}

/// One page of `Trace`, the newest record first.
public struct TraceQuery: Sendable, Hashable {
  /// Only records with a smaller sequence; 0 = from the newest down.
  public var before: Int64
  /// 1…1,000.
  public var limit: Int32

  public init(before: Int64, limit: Int32) {
    self.before = before
    self.limit = limit
  }
}

/// One page of `List`, ordered by machine id (bytes).
public struct ListQuery: Sendable, Hashable {
  /// Which machines are shown.
  public var status: StatusFilter
  /// Only machines whose id begins so, byte by byte; empty = all.
  public var idPrefix: String
  /// 1…1,000.
  public var pageSize: Int32
  /// The last id of the page before, nil = from the start.
  public var after: String?
  /// Only machines that are failed, and failed then or later.
  public var failedSince: Timestamp?
  /// Only machines that are failed with this gRPC status code.
  public var failedCode: Int32?

  public init(
    status: StatusFilter, idPrefix: String, pageSize: Int32, after: String?,
    failedSince: Timestamp? = nil, failedCode: Int32? = nil
  ) {
    self.status = status
    self.idPrefix = idPrefix
    self.pageSize = pageSize
    self.after = after
    self.failedSince = failedSince
    self.failedCode = failedCode
  }

  /// It asks for certain failures, beside a status.
  public var selectsFailures: Bool { failedSince != nil || failedCode != nil }
}

/// The answer to a request.
public enum Reply: Sendable, Hashable {
  case started
  case called(response: [UInt8])
  case notified(notificationID: String)
  case repaired(response: [UInt8])
  /// What was asked is done, and there is nothing to tell of it.
  case done(Done)
  /// No step runs in the namespace, or it is not paused.
  case quiet
  case machine(Machine)
  /// The answer to `watch`.
  case watched(Machine, MachineMark)
  /// `last` = the id after which the next page begins, nil = that was all.
  case listed([Machine], last: String?)
  /// `next` = the sequence before which the next page begins, 0 = that was all.
  case traced([StepRecord], next: Int64)
  /// One for each filter, in the order of their numbers.
  case counted([StatusCount])
  case notifications(NotificationPage)
  case messages(MessageListPage)
  case error(ProgressorError)

  /// What is done.
  public enum Done: Sendable, Hashable {
    case simpleRepair, removal, pause, resumption, dropOfNotification, importOfMachine
    case dropOfMessage, retryOfMessage
  }

  /// The machine works again, without a word to its processor.
  public static let simplyRepaired = Reply.done(.simpleRepair)
  /// The machine is gone.
  public static let removed = Reply.done(.removal)
  /// The machine is paused; it may have been before.
  public static let paused = Reply.done(.pause)
  /// The machine is not paused; it may not have been before.
  public static let resumed = Reply.done(.resumption)
  /// The notification is out of its queue, undelivered.
  public static let notificationDropped = Reply.done(.dropOfNotification)
  /// The message will not be delivered.
  public static let messageDropped = Reply.done(.dropOfMessage)
  /// The message is delivered now, or given up once more.
  public static let messageRetried = Reply.done(.retryOfMessage)
  /// The machine is there, as it was elsewhere.
  public static let imported = Reply.done(.importOfMachine)
}
