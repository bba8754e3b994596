/// What a processor changes in a machine, in the order in which it is applied: events, aux state,
/// what it waits for.
public struct StateChange: Sendable, Hashable {
  /// nil = keep, empty content = clear.
  public var auxState: Content?
  /// Appended to the history, in this order.
  public var events: [Content]
  /// What people are to read that the process waits for; nil = keep, empty = nothing.
  public var waitingFor: String?

  /// Bytes of UTF-8 that `waitingFor` may have.
  public static let maximumWaitingForBytes = 256

  public init(auxState: Content? = nil, events: [Content] = [], waitingFor: String? = nil) {
    self.auxState = auxState
    self.events = events
    self.waitingFor = waitingFor
  }

  /// Whether it changes nothing.
  public var isEmpty: Bool { auxState == nil && events.isEmpty && waitingFor == nil }
}

/// A timer to set: when it fires, and with what.
public struct TimerSetting: Sendable, Hashable {
  /// A moment or a time from now; one that has passed fires at once.
  public enum When: Sendable, Hashable {
    case deadline(Timestamp)
    /// Microseconds from the commit's step on.
    case timeout(microseconds: Int64)
  }

  /// When the timer fires; never before.
  public var when: When
  /// The history that the timeout is shown, nil = the namespace's default.
  public var historyRange: HistoryRange?
  /// Microseconds that the processor has for the timeout, nil = the namespace's.
  public var processingTimeout: Int64?

  public init(when: When, historyRange: HistoryRange? = nil, processingTimeout: Int64? = nil) {
    self.when = when
    self.historyRange = historyRange
    self.processingTimeout = processingTimeout
  }
}

/// What becomes of the machine's timer.
public enum TimerAction: Sendable, Hashable {
  case set(TimerSetting)
  case unset
}

/// What a processor asks for after the change: first the timer, then the messages, then failure,
/// then removal.
public struct Action: Sendable, Hashable {
  /// nil = keep.
  public var timer: TimerAction?
  /// Names of pending messages that are not to be delivered any more; before `send`.
  public var cancelMessages: [String] = []
  /// Messages to this machine or others, in this order.
  public var send: [OutgoingMessage] = []
  /// Whether the machine is removed in the same commit. A timer set beside it never fires.
  public var remove: Bool
  /// Why the machine fails in the same commit, though the step succeeds; nil = it does not. One
  /// that is removed with it is gone.
  public var fail: String?

  public init(timer: TimerAction? = nil, remove: Bool = false, fail: String? = nil) {
    self.timer = timer
    self.remove = remove
    self.fail = fail
  }

  /// Whether it asks for nothing.
  public var isEmpty: Bool {
    timer == nil && !remove && fail == nil && send.isEmpty && cancelMessages.isEmpty
  }
}

/// The decoded answer of a processor to any of its three calls.
public struct ProcessorAnswer: Sendable, Hashable {
  /// For the caller; empty for signals.
  public var response: [UInt8]
  /// What it changes in history and aux state.
  public var change: StateChange
  /// What it asks for beside that.
  public var action: Action

  public init(
    response: [UInt8] = [], change: StateChange = StateChange(), action: Action = Action()
  ) {
    self.response = response
    self.change = change
    self.action = action
  }

  /// Whether it leaves the machine as it is.
  public var isQuery: Bool { change.isEmpty && action.isEmpty }
}

/// A stimulus that is no call.
public enum Signal: Sendable, Hashable {
  case initialize(args: [UInt8])
  case timeout
  /// `sender` is the machine whose message it is; nil = a client's.
  case notification(args: [UInt8], notificationID: String, sender: MachineID? = nil)
  /// A message of the machine can never be delivered. It comes as a notification does.
  case undelivered(UndeliveredMessage)
}
