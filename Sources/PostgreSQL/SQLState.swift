/// The five-character code that says what kind of error a statement met (PostgreSQL manual,
/// appendix A). The first two characters are the class; messages are for people, this is for code.
public struct SQLState: Hashable, Sendable, CustomStringConvertible {
  /// Five characters, digits and upper-case ASCII letters.
  public let code: String

  /// Nil unless `code` is five digits or upper-case ASCII letters.
  public init?(_ code: String) {
    let isValid =
      code.utf8.count == 5
      && code.utf8.allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
          || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
      }
    guard isValid else { return nil }
    self.code = code
  }

  private init(known code: String) {
    self.code = code
  }

  public var description: String { code }

  /// The first two characters.
  public var errorClass: Substring { code.prefix(2) }

  /// 23505, unique_violation.
  public static let uniqueViolation = SQLState(known: "23505")

  /// 57014, query_canceled: `statement_timeout` passed, or somebody asked for it.
  public static let queryCanceled = SQLState(known: "57014")

  /// 42501, insufficient_privilege.
  public static let insufficientPrivilege = SQLState(known: "42501")

  /// 40001, serialization_failure.
  public static let serializationFailure = SQLState(known: "40001")

  /// 40P01, deadlock_detected.
  public static let deadlockDetected = SQLState(known: "40P01")

  /// 55P03, lock_not_available: `lock_timeout` passed.
  public static let lockNotAvailable = SQLState(known: "55P03")

  /// 54000, program_limit_exceeded.
  public static let programLimitExceeded = SQLState(known: "54000")

  /// The data of the statement itself is at fault: repeating it can never succeed. Classes 22
  /// (data exception), 23 (integrity constraint) and 54 (program limit).
  public var isDataFault: Bool {
    switch errorClass {
    case "22", "23", "54": true
    default: false
    }
  }

  /// 58030, io_error.
  public static let ioError = SQLState(known: "58030")

  /// 58P01, undefined_file.
  public static let undefinedFile = SQLState(known: "58P01")

  /// The server could not do what it should always be able to: a damaged page or index, a bug, a
  /// file that cannot be read or is gone. Class XX and two of class 58. One row or all of them may
  /// be the cause.
  public var isDamage: Bool {
    errorClass == "XX" || self == .ioError || self == .undefinedFile
  }

  /// The server does not know what the statement names, or does not let this role do it: classes
  /// 42, 3F and 0A. Another program, or another role, may be luckier.
  public var isMisfit: Bool {
    switch errorClass {
    case "42", "3F", "0A": true
    default: false
    }
  }

  /// The server says how it fares as a whole, and whoever asks hears the same: read-only, out of
  /// room, a lock, on its way down or up, damaged. Classes 25, 53, 55, 57, 58 and XX.
  public var isOfServer: Bool {
    switch errorClass {
    case "25", "53", "55", "57", "58", "XX": true
    default: false
    }
  }

  /// The session itself is at fault: its connection or its authorization. Classes 08 and 28.
  public var isOfSession: Bool { errorClass == "08" || errorClass == "28" }

  /// The same transaction, repeated at once, may succeed: serialization failure or deadlock.
  public var isRetryable: Bool {
    self == .serializationFailure || self == .deadlockDetected
  }
}
