import Logging
import PostgreSQL

/// Compares the database behind every new session with the one that was known before.
struct DatabaseWatch: Sendable {
  let lease: LeaseState
  let sessions: SessionBoard
  let logger: Logger
  /// Told when acknowledged commits are missing, with the reason.
  let wentBack: @Sendable (String) -> Void

  /// Opens a session that storage needs, with its name in the settings: its absence is known to
  /// all.
  func connect<Item>(
    _ session: ConnectionSession<Item>, timeout: Duration,
    setUp: (Connection) throws(PostgreSQLError) -> Void = { _ in }
  ) throws(PostgreSQLError) -> Connection {
    if let connection = session.connection { return connection }
    let name = session.settings.applicationName
    do {
      let connection = try session.connect { (connection) throws(PostgreSQLError) in
        try setUp(connection)
        try inspect(connection, timeout: timeout)
      }
      sessions.isThere(name)
      return connection
    } catch {
      if !session.isStopping { sessions.isMissing(name, error.description) }
      throw error
    }
  }

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
