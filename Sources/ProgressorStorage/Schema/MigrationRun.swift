import Logging
import PostgreSQL

/// Applies migrations beside nodes that serve: no statement waits for a lock for longer than
/// `lockTimeout`, since what comes after it on the same table waits with it.
struct MigrationRun {
  let connection: Connection
  let logger: Logger
  /// Of a wait for a lock, and with it of a halt of the traffic.
  static let lockTimeout: Duration = .seconds(2)
  /// Between two attempts the traffic goes on.
  private static let pauses = Backoff(initial: .milliseconds(500), maximum: .seconds(4))
  /// All attempts of a statement together.
  private static let patience: Duration = .seconds(300)
  /// An index of any size. That its builder is still there, TCP tells.
  private static let besideTimeout: Duration = .seconds(7 * 86_400)

  /// Throws when the locks that it takes are not free in time; what was applied before, stays.
  ///
  /// - Parameter isPatient: tries again when others hold the locks.
  func apply(_ migration: Migration, isPatient: Bool = true) throws(PostgreSQLError) {
    logger.info("applying a migration", metadata: migration.metadata)
    for script in migration.scripts {
      try repeatedly(migration, within: isPatient ? Self.patience : .zero) {
        () throws(PostgreSQLError) in
        switch migration.manner {
        case .whole, .cleanup:
          let limit = "SET LOCAL lock_timeout = \(Self.lockTimeout.microseconds / 1_000);\n"
          try connection.runScript(limit + script, timeout: Self.patience)
        case .beside:
          // Without a limit: nobody waits for what waits here.
          try connection.runScript(script, timeout: Self.besideTimeout)
        }
      }
    }
  }

  /// Repeats what did not get its locks, and says in between who has them.
  private func repeatedly(
    _ migration: Migration, within patience: Duration,
    _ attempt: () throws(PostgreSQLError) -> Void
  ) throws(PostgreSQLError) {
    let end = ContinuousClock.now + patience
    var pauses = Self.pauses
    while true {
      do {
        return try attempt()
      } catch {
        guard error.sqlState == .lockNotAvailable || error.sqlState == .deadlockDetected,
          .now < end
        else { throw error }
        var metadata = migration.metadata
        metadata["held-by"] = "\(try holders().joined(separator: "; "))"
        logger.warning("a migration waits for locks that others hold", metadata: metadata)
        try pause(pauses.next())
      }
    }
  }

  /// Who has locks on tables of the schema.
  private func holders() throws(PostgreSQLError) -> [String] {
    let rows = try connection.run(Statements.schemaObstacles, timeout: Self.patience)
    return try rows.map { (row) throws(PostgreSQLError) in try row.value(0) }
  }

  /// The server pauses, so that a stop ends it as any statement.
  private func pause(_ duration: Duration) throws(PostgreSQLError) {
    _ = try connection.run(
      Statements.schemaPause, .with { $0.append(Double(duration.microseconds) / 1_000_000) },
      timeout: Self.patience)
  }
}

extension Migration {
  fileprivate var metadata: Logger.Metadata { ["number": "\(number)", "name": "\(name)"] }
}
