/// A gRPC status code, as the core speaks of it. gRPC, doc/statuscodes.md.
public enum Code: Int32, Sendable, Hashable, CaseIterable {
  case ok = 0
  case cancelled = 1
  case unknown = 2
  case invalidArgument = 3
  case deadlineExceeded = 4
  case notFound = 5
  case alreadyExists = 6
  case permissionDenied = 7
  case resourceExhausted = 8
  case failedPrecondition = 9
  case aborted = 10
  case outOfRange = 11
  case unimplemented = 12
  case `internal` = 13
  case unavailable = 14
  case dataLoss = 15
  case unauthenticated = 16
}

/// The reasons that Progressor gives in `google.rpc.ErrorInfo` under the domain `progressor`.
public enum Reason: String, Sendable, Hashable, CaseIterable {
  case namespaceNotFound = "NAMESPACE_NOT_FOUND"
  case namespaceAlreadyExists = "NAMESPACE_ALREADY_EXISTS"
  case namespaceVersionMismatch = "NAMESPACE_VERSION_MISMATCH"
  case namespaceNotEmpty = "NAMESPACE_NOT_EMPTY"
  case machineNotFound = "MACHINE_NOT_FOUND"
  case eventNotFound = "EVENT_NOT_FOUND"
  case notificationNotFound = "NOTIFICATION_NOT_FOUND"
  case messageNotFound = "MESSAGE_NOT_FOUND"
  case messageUnderWay = "MESSAGE_UNDER_WAY"
  case messageReplaced = "MESSAGE_REPLACED"
  case consumerNotFound = "CONSUMER_NOT_FOUND"
  case consumerReset = "CONSUMER_RESET"
  case cursorTooOld = "CURSOR_TOO_OLD"
  case cursorAhead = "CURSOR_AHEAD"
  case machineAlreadyExists = "MACHINE_ALREADY_EXISTS"
  case machineChanged = "MACHINE_CHANGED"
  case stale = "STALE"
  case machineFailed = "MACHINE_FAILED"
  case machineAlreadyWorking = "MACHINE_ALREADY_WORKING"
  case startFailed = "START_FAILED"
  case repairFailed = "REPAIR_FAILED"
  case repairJobNotFound = "REPAIR_JOB_NOT_FOUND"
  case repairJobAlreadyExists = "REPAIR_JOB_ALREADY_EXISTS"
  case processorRefused = "PROCESSOR_REFUSED"
  case processorUnavailable = "PROCESSOR_UNAVAILABLE"
  case machinePaused = "MACHINE_PAUSED"
  case namespacePaused = "NAMESPACE_PAUSED"
  case storageUnavailable = "STORAGE_UNAVAILABLE"
  case storageRefused = "STORAGE_REFUSED"
  case dataDamaged = "DATA_DAMAGED"
  case notOwner = "NOT_OWNER"
  case overloaded = "OVERLOADED"
  case historyTooLarge = "HISTORY_TOO_LARGE"
  case invalidArgument = "INVALID_ARGUMENT"
  case deadlineExceeded = "DEADLINE_EXCEEDED"
  case cancelled = "CANCELLED"
  case unimplemented = "UNIMPLEMENTED"
  case unauthenticated = "UNAUTHENTICATED"
  case notAllowed = "NOT_ALLOWED"
}

/// The one table of what goes wrong: code, reason, text, and what a client needs beside them.
public struct ProgressorError: Error, Sendable, Hashable {
  /// The gRPC status code.
  public var code: Code
  /// `ErrorInfo.reason` (docs/protocol.md); clients decide by it.
  public var reason: Reason
  /// For people; names the machine, field or limit. Not part of the contract.
  public var message: String
  /// Serialised `google.protobuf.Any` details that the processor sent, to be passed through.
  public var details: [[UInt8]]
  /// Milliseconds for `grpc-retry-pushback-ms`, nil = none.
  public var retryPushback: Int32?
  /// `ErrorInfo.metadata` beside the names of namespace and machine: what a program needs of the
  /// message.
  public var metadata: [ExactText: String]

  public init(
    _ code: Code, _ reason: Reason, _ message: String, details: [[UInt8]] = [],
    retryPushback: Int32? = nil, metadata: [ExactText: String] = [:]
  ) {
    self.code = code
    self.reason = reason
    self.message = message
    self.details = details
    self.retryPushback = retryPushback
    self.metadata = metadata
  }

  /// INVALID_ARGUMENT: the request itself is wrong, whatever the state. `field` is the path in the
  /// contract's names, `what` the rest of a sentence about it.
  public static func invalidArgument(field: String, _ what: String) -> ProgressorError {
    ProgressorError(.invalidArgument, .invalidArgument, "\(field): \(what)")
  }

  /// NOT_FOUND: no namespace has that name.
  public static func namespaceNotFound(_ name: String) -> ProgressorError {
    ProgressorError(.notFound, .namespaceNotFound, "there is no namespace \"\(name)\"")
  }

  /// NOT_FOUND: there is no such machine, or it was removed.
  public static func machineNotFound(_ machine: MachineID) -> ProgressorError {
    ProgressorError(
      .notFound, .machineNotFound,
      "there is no machine \"\(machine.id)\" in namespace \"\(machine.namespace)\"")
  }

  /// NOT_FOUND: the machine has no such notification, or it was delivered meanwhile.
  public static func notificationNotFound(_ notification: String) -> ProgressorError {
    ProgressorError(
      .notFound, .notificationNotFound,
      "the machine has no notification \"\(notification)\" in its queue")
  }

  /// ALREADY_EXISTS: Start of a machine that is there; its processor was not asked.
  public static func machineAlreadyExists(_ machine: MachineID) -> ProgressorError {
    ProgressorError(
      .alreadyExists, .machineAlreadyExists,
      "machine \"\(machine.id)\" in namespace \"\(machine.namespace)\" exists already")
  }

  /// FAILED_PRECONDITION: the machine is failed, or became so by this request.
  public static func machineFailed(_ reason: String) -> ProgressorError {
    ProgressorError(.failedPrecondition, .machineFailed, "the machine is failed: \(reason)")
  }

  /// RESOURCE_EXHAUSTED: a limit is reached, and nothing was done (I10). `retryPushback` is in
  /// milliseconds.
  public static func overloaded(_ what: String, retryPushback: Int32 = 1_000) -> ProgressorError {
    ProgressorError(.resourceExhausted, .overloaded, what, retryPushback: retryPushback)
  }

  /// UNAVAILABLE: this node does not, or no longer, hold the shard's lease. What was asked may or
  /// may
  /// not have been committed (I2).
  public static let notOwner = ProgressorError(
    .unavailable, .notOwner, "this node does not hold the lease of the machine's shard")

  /// UNAVAILABLE: as `notOwner`, of a request that was turned away before anything happened.
  public static let notOwnerUnseen: ProgressorError = {
    var error = notOwner
    error.metadata["happened"] = "nothing"
    return error
  }()

  /// UNAVAILABLE: the database is away; what was asked may or may not have been committed (I2).
  public static let storageUnavailable = ProgressorError(
    .unavailable, .storageUnavailable, "the database does not answer")

  /// DEADLINE_EXCEEDED: what was asked may or may not have been committed (I2).
  public static let deadlineExceeded = ProgressorError(
    .deadlineExceeded, .deadlineExceeded, "the deadline passed; the outcome may be unknown")

  /// CANCELLED: what was asked may or may not have been committed (I2).
  public static let cancelled = ProgressorError(
    .cancelled, .cancelled, "the caller cancelled the request")
}
