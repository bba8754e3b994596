import Logging
import PostgreSQL

/// Compares the database behind every new session with the one that was known before.
struct DatabaseWatch: Sendable {
  let lease: LeaseState
  let logger: Logger
  /// Told when acknowledged commits are missing, with the reason.
  let wentBack: @Sendable (String) -> Void

  /// Throws `connectFailed` when this is not a continuation of the database that was known, or a
  /// server that must not be used. The lease has ended then; the next look finds it unbroken.
  func inspect(_ connection: Connection, timeout: Duration) throws(PostgreSQLError) {
    let before = lease.lastFacts
    let facts = try ServerFacts.read(from: connection, timeout: timeout)
    guard facts.refusals.isEmpty else {
      throw PostgreSQLError(.connectFailed, facts.refusals.joined(separator: "; "))
    }
    switch lease.observe(facts, since: before) {
    case .unbroken:
      return
    case .promoted:
      logger.warning(
        "another server was promoted: everything in memory is read again",
        metadata: ["timeline": "\(facts.timeline)"])
      throw PostgreSQLError(.connectFailed, "another server was promoted")
    case .wentBack(let reason):
      logger.critical(
        "the database went back in time: acknowledged steps are missing",
        metadata: ["reason": "\(reason)"])
      wentBack(reason)
      throw PostgreSQLError(.connectFailed, "the database went back in time: \(reason)")
    }
  }
}
