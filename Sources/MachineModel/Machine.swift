/// The steps that a machine can take, as statuses name them.
public enum StepKind: Int32, Sendable, Hashable, CaseIterable {
  case start = 1
  case call = 2
  case notification = 3
  case timeout = 4
  case repair = 5
  /// An operator takes a notification out of the queue; only in records of what happened.
  case dropNotification = 6
  /// It was imported; only in records of what happened.
  case importMachine = 7
  /// Somebody takes out a message that it has sent; only in records of what happened.
  case dropMessage = 8
  /// Somebody has a message tried that it has sent; only in records of what happened.
  case retryMessage = 9

  /// It is done to the machine, which takes no step by it: only records of what happened name it.
  public var isDoneToIt: Bool {
    switch self {
    case .dropNotification, .importMachine, .dropMessage, .retryMessage: true
    case .start, .call, .notification, .timeout, .repair: false
    }
  }
}

/// A timeout or notification that failed and will be tried again.
public struct Retrying: Sendable, Hashable {
  /// What is tried again: a timeout or a notification.
  public var stepKind: StepKind
  /// The attempt that failed last; the first is 1.
  public var attempt: Int32
  /// When it is tried next, by the retry policy; not before that.
  public var nextAttemptAt: Timestamp
  /// The gRPC status code of that failure.
  public var lastCode: Int32
  /// The processor's words for that failure, shortened for keeping; empty if it gave none.
  public var lastMessage: String

  public init(
    stepKind: StepKind, attempt: Int32, nextAttemptAt: Timestamp, lastCode: Int32,
    lastMessage: String
  ) {
    self.stepKind = stepKind
    self.attempt = attempt
    self.nextAttemptAt = nextAttemptAt
    self.lastCode = lastCode
    self.lastMessage = lastMessage
  }
}

/// Why and when a machine failed. Never overwritten by a later failure.
public struct Failure: Sendable, Hashable {
  /// At most `maximumReasonBytes` of UTF-8.
  public var reason: String
  /// When the step that failed it ended.
  public var failedAt: Timestamp
  /// What the step was for that failed it.
  public var stepKind: StepKind
  /// The processor's gRPC status code; INTERNAL for an unusable answer.
  public var code: Int32
  /// How often that step was tried in all; 1 = it failed at once.
  public var attempts: Int32
  /// `progressor-step` of its invocations; empty = it had none, or is not known.
  public var step: String
  /// Who asked for it, as in `CallerContext.principal`; nil = nobody has an identity, or is not
  /// known.
  public var principal: String?

  /// The most that is kept of a reason, in bytes of UTF-8 (types.proto: 4 KiB).
  public static let maximumReasonBytes = 4096

  /// Makes `reason` fit to keep (`String.fitToKeep`).
  public init(
    reason: String, failedAt: Timestamp, stepKind: StepKind, code: Int32, attempts: Int32,
    step: String = "", principal: String? = nil
  ) {
    self.reason = reason.fitToKeep(utf8Bytes: Failure.maximumReasonBytes)
    self.failedAt = failedAt
    self.stepKind = stepKind
    self.code = code
    self.attempts = attempts
    self.step = step
    self.principal = principal
  }
}

/// Whether a machine goes on by itself. The contract's `MachineStatus`.
public enum MachineStatus: Sendable, Hashable {
  case working(Retrying?)
  case failed(Failure)

  /// Whether only a repair can change the machine (I7).
  public var isFailed: Bool {
    if case .failed = self { return true }
    return false
  }
}

/// Which machines `List` shows.
public enum StatusFilter: Int32, Sendable, Hashable {
  case any = 0
  /// Retrying ones included.
  case working = 1
  case retrying = 2
  case failed = 3
  /// Of whatever status.
  case paused = 4
  /// Something of theirs is due for ``lateAfter`` or more, and does not run.
  case late = 5

  /// Microseconds.
  public static let lateAfter: Int64 = 10_000_000
}

/// What keeps a step that is due from being done. The contract's numbers.
public enum WaitingOn: Int32, Sendable, Hashable, CaseIterable {
  /// The processor cannot be reached.
  case endpoint = 1
  /// The machine or its namespace is paused.
  case pause = 2
  /// What failed is tried again later.
  case retry = 3
  /// The namespace has as many steps or calls under way as it may, or as memory allows.
  case slot = 4
  /// A step of the machine runs: it is read, the processor has it, or it is being stored.
  case step = 5
}

/// How many machines a filter of `List` would show.
public struct StatusCount: Sendable, Hashable {
  /// The filter.
  public var status: StatusFilter
  /// At most ``maximum``.
  public var count: Int64
  /// There are, or may be, more.
  public var isCapped: Bool

  /// No more are counted.
  public static let maximum: Int64 = 100_000

  public init(status: StatusFilter, count: Int64, isCapped: Bool) {
    self.status = status
    self.count = count
    self.isCapped = isCapped
  }
}

/// A machine as clients and processors see it.
public struct Machine: Sendable, Hashable {
  /// Which machine it is.
  public var machineID: MachineID
  /// The events that `historyRange` selected, in its direction.
  public var history: [Event]
  /// The range by which `history` was selected, for whoever asks for more.
  public var historyRange: HistoryRange
  /// Working, perhaps with something to try again; or failed.
  public var status: MachineStatus
  /// The processor's own state beside the history; nil = none, or cleared.
  public var auxState: Content?
  /// When the timer fires, nil = none set.
  public var timer: Timestamp?
  /// The id of the newest event, in `history` or not; 0 = there is none.
  public var lastEventID: Int64
  /// When it was started.
  public var createdAt: Timestamp
  /// Set while the machine itself is paused.
  public var pause: Pause?
  /// Since when it has its status: works, retries included, or is failed; nil = is not known.
  public var since: Timestamp?
  /// Notifications that wait for their delivery; 0 in what processors are sent.
  public var queuedNotifications: Int32 = 0
  /// What keeps its next step, which is due, from being done; only `Get` tells.
  public var waiting: Waiting?
  /// What its process waits for, as its processor said; nil = it does not say.
  public var waitingFor: String?
  /// Messages that it has sent and that are not delivered yet. In what a processor is sent: 0.
  public var pendingMessages: Int32 = 0
  /// Messages that it has sent and that can never be delivered. In what a processor is sent: 0.
  public var undeliveredMessages: Int32 = 0

  /// What a machine waits for.
  public struct Waiting: Sendable, Hashable {
    /// For what.
    public var on: WaitingOn
    /// Since its step was due, or began.
    public var since: Timestamp

    public init(on: WaitingOn, since: Timestamp) {
      self.on = on
      self.since = since
    }
  }

  public init(
    machineID: MachineID, history: [Event] = [], historyRange: HistoryRange = .all,
    status: MachineStatus = .working(nil), auxState: Content? = nil, timer: Timestamp? = nil,
    lastEventID: Int64 = 0, createdAt: Timestamp, pause: Pause? = nil,
    since: Timestamp? = nil
  ) {
    self.machineID = machineID
    self.history = history
    self.historyRange = historyRange
    self.status = status
    self.auxState = auxState
    self.timer = timer
    self.lastEventID = lastEventID
    self.createdAt = createdAt
    self.pause = pause
    self.since = since
  }
}

extension String {
  /// The longest prefix of whole characters within `limit` bytes of UTF-8.
  public func prefix(utf8Bytes limit: Int) -> String {
    if utf8.count <= limit { return self }
    var bytes = 0
    var end = startIndex
    for index in indices {
      bytes += self[index].utf8.count
      if bytes > limit { break }
      end = self.index(after: index)
    }
    return String(self[..<end])
  }
}
