import GRPC

/// How the program ends, by kind of error. From 64 on they are those of sysexits.h, where that has
/// one for the kind; docs/operations.md has the table for people.
enum CommandExit {
  /// Something failed that has no number of its own; a repair job that left machines unrepaired.
  static let failed: Int32 = 1
  /// NOT_FOUND.
  static let notFound: Int32 = 3
  /// ALREADY_EXISTS.
  static let alreadyExists: Int32 = 4
  /// FAILED_PRECONDITION; what is paused.
  static let failedPrecondition: Int32 = 5
  /// DEADLINE_EXCEEDED, CANCELLED: what was asked may have happened.
  static let outcomeUnknown: Int32 = 6
  /// ABORTED: the processor did not carry it out, or somebody else was first.
  static let aborted: Int32 = 7
  /// EX_USAGE: the command line is wrong.
  static let usage: Int32 = 64
  /// EX_DATAERR: INVALID_ARGUMENT, OUT_OF_RANGE, a history too large.
  static let invalidArgument: Int32 = 65
  /// EX_NOINPUT: a file or standard input cannot be read.
  static let noInput: Int32 = 66
  /// EX_UNAVAILABLE: UNAVAILABLE, no server can be reached.
  static let unavailable: Int32 = 69
  /// EX_SOFTWARE: INTERNAL, UNKNOWN, DATA_LOSS, UNIMPLEMENTED.
  static let software: Int32 = 70
  /// EX_TEMPFAIL: RESOURCE_EXHAUSTED.
  static let temporary: Int32 = 75
  /// EX_NOPERM: UNAUTHENTICATED, PERMISSION_DENIED.
  static let noPermission: Int32 = 77
  /// EX_CONFIG: the configuration is wrong.
  static let configuration: Int32 = 78

  /// The code for a call that ended so.
  static func code(_ failure: ClientFailure) -> Int32 {
    if failure.isPaused { return failedPrecondition }
    if failure.reason == "HISTORY_TOO_LARGE" { return invalidArgument }
    return code(failure.status.code)
  }

  private static func code(_ status: StatusCode) -> Int32 {
    switch status {
    case .ok: 0
    case .notFound: notFound
    case .alreadyExists: alreadyExists
    case .failedPrecondition: failedPrecondition
    case .deadlineExceeded, .cancelled: outcomeUnknown
    case .aborted: aborted
    case .invalidArgument, .outOfRange: invalidArgument
    case .unavailable: unavailable
    case .internalError, .unknown, .dataLoss, .unimplemented: software
    case .resourceExhausted: temporary
    case .unauthenticated, .permissionDenied: noPermission
    }
  }

  /// For `progressor --help`.
  static let discussion = """
    Exit codes: 0 done · 1 failed otherwise · 3 not found · 4 exists already · 5 the state forbids \
    it (failed, paused, not empty) · 6 the deadline passed, the outcome is unknown · 7 aborted · \
    64 wrong command line · 65 invalid argument · 66 a file cannot be read · 69 unavailable, or no \
    server reached · 70 internal error · 73, 75 the server's data directory or address cannot be \
    used, or is in use; 75 also a limit is reached · 77 not authenticated or not allowed · 78 \
    wrong configuration. With --json an error is an object on standard error.
    """
}
