/// The steps that a machine can take, as statuses name them.
public enum StepKind: Int32, Sendable, Hashable, CaseIterable {
  case start = 1
  case call = 2
  case notification = 3
  case timeout = 4
  case repair = 5
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

  /// The most that is kept of a reason, in bytes of UTF-8 (types.proto: 4 KiB).
  public static let maximumReasonBytes = 4096

  /// Makes `reason` fit to keep (`String.fitToKeep`).
  public init(
    reason: String, failedAt: Timestamp, stepKind: StepKind, code: Int32, attempts: Int32
  ) {
    self.reason = reason.fitToKeep(utf8Bytes: Failure.maximumReasonBytes)
    self.failedAt = failedAt
    self.stepKind = stepKind
    self.code = code
    self.attempts = attempts
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

  public init(
    machineID: MachineID, history: [Event] = [], historyRange: HistoryRange = .all,
    status: MachineStatus = .working(nil), auxState: Content? = nil, timer: Timestamp? = nil,
    lastEventID: Int64 = 0, createdAt: Timestamp, pause: Pause? = nil
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
