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

  public init(
    id: RequestID, machine: MachineID, operation: Operation, deadline: Int64,
    context: CallerContext = CallerContext()
  ) {
    self.id = id
    self.machine = machine
    self.operation = operation
    self.deadline = deadline
    self.context = context
  }
}

/// What is asked. Keys are idempotency keys, nil = none.
public enum Operation: Sendable, Hashable {
  case start(args: [UInt8], key: String?)
  case call(args: [UInt8], range: HistoryRange?, key: String?)
  case notify(args: [UInt8], range: HistoryRange?, key: String?)
  case repair(args: [UInt8], range: HistoryRange?, key: String?)
  case simpleRepair
  case get(range: HistoryRange?)
  case remove
  case pause(reason: String)
  case resume
  /// Answered when no step runs in the paused namespace any more; `id` of the machine is empty.
  case awaitQuiet
  case list(ListQuery)
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

  public init(status: StatusFilter, idPrefix: String, pageSize: Int32, after: String?) {
    self.status = status
    self.idPrefix = idPrefix
    self.pageSize = pageSize
    self.after = after
  }
}

/// The answer to a request.
public enum Reply: Sendable, Hashable {
  case started
  case called(response: [UInt8])
  case notified(notificationID: String)
  case repaired(response: [UInt8])
  case simplyRepaired
  case removed
  case paused
  case resumed
  /// No step runs in the namespace, or it is not paused.
  case quiet
  case machine(Machine)
  /// `last` = the id after which the next page begins, nil = that was all.
  case listed([Machine], last: String?)
  case error(ProgressorError)
}
