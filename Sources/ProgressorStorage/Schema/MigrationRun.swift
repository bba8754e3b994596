import Logging
import PostgreSQL

/// Applies migrations beside nodes that serve: no statement waits for a lock for longer than its
/// limit, since what comes after it on the same table waits with it.
struct MigrationRun {
  let configuration: StorageConfiguration
  let connection: Connection
  /// Both are held, but for `look` while an index is built.
  let locks: SchemaLocks
  let stop: StopSignal?
  let logger: Logger
  /// Of an index that is built: before the first line of the log, and between the others.
  let buildReports: (first: Duration, interval: Duration)

  /// Of a wait for a lock, and with it of a halt of the traffic.
  private static let lockTimeout: Duration = .seconds(2)
  /// Of one for a lock that can be taken another time as well.
  private static let cleanupLockTimeout: Duration = .milliseconds(200)
  /// Between two attempts the traffic goes on.
  private static let pauses = Backoff(initial: .milliseconds(500), maximum: .seconds(4))
  /// All attempts of a migration together.
  private static let patience: Duration = .seconds(300)

  /// Throws when the locks that it takes are not free in time, for what cleans up almost at once;
  /// what was applied before, stays.
  func apply(_ migration: Migration) throws {
    logger.info("applying a migration", metadata: migration.metadata)
    switch migration.manner {
    case .cleanup:
      try whole(migration.sql, lockTimeout: Self.cleanupLockTimeout)
    case .whole:
      try repeatedly(migration, within: Self.patience) {
        () throws(PostgreSQLError) in try whole(migration.sql)
      }
    case .index(let index):
      if try takesNoTime(index) {
        return try repeatedly(migration, within: Self.patience) {
          () throws(PostgreSQLError) in try whole(migration.scriptWithoutTraffic)
        }
      }
      try locks.giveBack(.look)
      // From the first statement on: one that fails late leaves behind what it began with.
      try repeatedly(migration, within: IndexBuild.timeout) {
        () throws(PostgreSQLError) in try build(index, migration)
      }
      // Others have it for moments: who changes the schema is us.
      try locks.take(.look, until: .now + Self.patience)
    }
  }

  /// In one transaction.
  private func whole(
    _ script: String, lockTimeout: Duration = Self.lockTimeout
  ) throws(PostgreSQLError) {
    let limit = "SET LOCAL lock_timeout = \(lockTimeout.microseconds / 1_000);\n"
    try connection.runScript(limit + script, timeout: Self.patience)
  }

  private func build(_ index: String, _ migration: Migration) throws(PostgreSQLError) {
    let build = IndexBuild(
      configuration: configuration, connection: connection, stop: stop, logger: logger,
      metadata: migration.metadata, reports: buildReports)
    for script in try remains(of: index) + migration.scripts { try build.run(script) }
  }

  /// Nothing is there to be indexed, and nothing to be taken away.
  private func takesNoTime(_ index: String) throws(PostgreSQLError) -> Bool {
    let hasMachines: Bool = try connection.run(
      Statements.schemaHasMachines, timeout: Self.patience
    ).onlyRow().value(0)
    if hasMachines { return false }
    return try remains(of: index).isEmpty
  }

  /// The statements that take away what is left of the index; none for one that is whole.
  private func remains(of index: String) throws(PostgreSQLError) -> [String] {
    try connection.run(
      Statements.schemaUnfinishedIndex, .with { $0.append(index) }, timeout: Self.patience
    ).map { (row) throws(PostgreSQLError) in try row.value(0) }
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
        metadata["held-by"] = "\(try holders())"
        logger.warning("a migration waits for locks that others hold", metadata: metadata)
        try pause(pauses.next())
      }
    }
  }

  /// Who has locks on tables of the schema.
  private func holders() throws(PostgreSQLError) -> String {
    let processes: [Int32] = try connection.run(
      Statements.schemaObstacles, timeout: Self.patience
    ).map { (row) throws(PostgreSQLError) in try row.value(0) }
    return try connection.descriptions(of: processes, timeout: Self.patience)
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
