import MachineModel
import PostgreSQL
import ProgressorEngine

// Groups of columns that several tables have, as they are read. Commit/Writes has how they are
// written.

extension RowReader {
  mutating func nextRange() throws(PostgreSQLError) -> HistoryRange? {
    let after: Int64? = try nextOptional()
    let limit: Int32? = try nextOptional()
    guard let number: Int32 = try nextOptional() else { return nil }
    guard let direction = HistoryRange.Direction(rawValue: number), let after else {
      throw .unreadable("a history range with direction \(number)")
    }
    guard after >= 0, limit ?? 0 >= 0 else {
      throw .unreadable("a history range after \(after) of \(limit ?? 0)")
    }
    return HistoryRange(after: after, limit: limit, direction: direction)
  }

  mutating func nextRetryState() throws(PostgreSQLError) -> RetryState? {
    guard let attempt: Int32 = try nextOptional() else {
      skip(3)
      return nil
    }
    guard (1..<Int32.max).contains(attempt) else {
      throw .unreadable("a retry state after attempt \(attempt)")
    }
    return RetryState(
      attempt: attempt, nextAttemptAt: try nextTime(), lastCode: try next(),
      lastMessage: try next())
  }

  /// Columns failed_at, reason, step, code, attempts, token, principal; failed_at NULL = working.
  mutating func nextFailure() throws(PostgreSQLError) -> Failure? {
    guard let failedAt = try nextOptionalTime() else {
      skip(6)
      return nil
    }
    let reason: String = try next()
    let step: Int32 = try next()
    guard let kind = StepKind(rawValue: step) else {
      throw .unreadable("a failure in a step of kind \(step)")
    }
    return Failure(
      reason: reason, failedAt: failedAt, stepKind: kind, code: try next(), attempts: try next(),
      step: try nextOptional() ?? "", principal: try nextOptional())
  }

  /// The kind of the step in the columns of `nextFailure`, which are still to be read, if it is one
  /// of a later version.
  func peekLaterStep() throws(PostgreSQLError) -> Int32? {
    var reader = self
    reader.skip(2)
    guard let step: Int32 = try reader.nextOptional(), StepKind(rawValue: step) == nil else {
      return nil
    }
    return step
  }

  /// Columns paused_at, reason, principal; all NULL = not paused.
  mutating func nextPause() throws(PostgreSQLError) -> Pause? {
    guard let pausedAt = try nextOptionalTime() else {
      skip(2)
      return nil
    }
    return Pause(pausedAt: pausedAt, reason: try next(), principal: try nextOptional())
  }

  /// Columns format, data; both NULL = none.
  mutating func nextContent() throws(PostgreSQLError) -> Content? {
    guard let format: Int32 = try nextOptional() else {
      skip(1)
      return nil
    }
    return Content(formatVersion: format, data: try next())
  }
}
