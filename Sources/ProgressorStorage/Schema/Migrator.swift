import Logging
import PostgreSQL

/// Brings the schema of a database to the version that this program needs, and refuses databases
/// that must not be trusted with acknowledged steps.
struct Migrator {
  let configuration: StorageConfiguration
  let logger: Logger
  var migrations = Migration.all
  /// Ends the wait for the database, or for another node that migrates.
  var stop: StopSignal?
  /// Of an index that is built: before the first line of the log, and between the others.
  var buildReports: (first: Duration, interval: Duration) = (.seconds(5), .seconds(60))

  static let timeout: Duration = .seconds(300)

  /// Migrates, and returns the number of shards that this database was initialised with.
  ///
  /// All of it happens under advisory locks, beside nodes that serve. Throws `StorageError`; no
  /// migration is half done then, but for what it can repeat.
  func migrate() throws(StorageError) -> Int32 {
    do {
      let connection = try Connection.open(configuration.settings(for: "migrator"), stop: stop)
      defer { connection.close() }
      try refuseUnfit(connection)
      let locks = SchemaLocks(connection: connection, logger: logger)
      let end = ContinuousClock.now + configuration.schemaPatience
      try locks.take(.look, until: end)
      try bringUpToDate(connection, locks, until: end)
      try refuseMissingRights(connection)
      return try initialise(connection)
    } catch let error as PostgreSQLError where error.sqlState == .insufficientPrivilege {
      throw StorageError(
        .schema,
        "the role lacks a right: \(error.message). To make or migrate the schema it has to own it, "
          + "or to have CREATE on the database; later USAGE, and to read and write its "
          + "tables, will do"
      )
    } catch let error as PostgreSQLError {
      throw StorageError(error.scope == .statement ? .schema : .unreachable, error.description)
    } catch let error as StorageError {
      throw error
    } catch {
      throw StorageError(.unreachable, "\(error)")
    }
  }

  private func refuseUnfit(_ connection: Connection) throws {
    var refusals = try ServerFacts.read(from: connection, timeout: .seconds(10)).refusals
    let encoding: String = try connection.run(
      Statements.sessionEncoding, timeout: .seconds(10)
    ).onlyRow().value(0)
    if encoding != "UTF8" {
      // Else a step whose texts it lacks characters for would fail its machine.
      refusals.append("the database's encoding is \(encoding): create it with ENCODING 'UTF8'")
    }
    guard refusals.isEmpty else {
      throw StorageError(
        .unfit, "this PostgreSQL server cannot be used: \(refusals.joined(separator: "; "))")
    }
  }

  /// What is missing would show only with the request that needs it, and as a database that is
  /// away.
  private func refuseMissingRights(_ connection: Connection) throws {
    let missing: [String] = try connection.run(
      Statements.schemaMissingRights, timeout: Self.timeout
    ).map { try $0.value(0) }
    guard missing.isEmpty else { throw Self.lacking(missing) }
  }

  private static func lacking(_ rights: [String]) -> StorageError {
    StorageError(
      .schema, "the role lacks rights, which GRANT gives it: \(rights.joined(separator: "; "))")
  }

  private func bringUpToDate(
    _ connection: Connection, _ locks: SchemaLocks, until end: ContinuousClock.Instant
  ) throws {
    try makePlaceForVersion(connection)
    let run = MigrationRun(
      configuration: configuration, connection: connection, locks: locks, stop: stop,
      logger: logger, buildReports: buildReports)
    var pending = try pendingMigrations(connection)
    if !pending.required.isEmpty {
      // In the order of the locks. Another node may have done it all by then.
      try locks.giveBack(.look)
      try locks.take(.change, until: end)
      try locks.take(.look, until: end)
      pending = try pendingMigrations(connection)
      for migration in pending.required { try run.apply(migration) }
      guard try pendingMigrations(connection).required.isEmpty else {
        throw StorageError(.schema, "a migration did not record itself")
      }
    } else if !pending.optional.isEmpty, try !locks.tryTake(.change) {
      return
    }
    for migration in pending.optional {
      guard try cleanUp(migration, run) else { return }
    }
  }

  /// What is to be applied, in order. What takes something away can wait, also for what follows it.
  /// Throws for a database that this program does not know.
  private func pendingMigrations(
    _ connection: Connection
  ) throws -> (required: [Migration], optional: [Migration]) {
    let applied: [Int32] = try connection.run(Statements.schemaVersion, timeout: Self.timeout)
      .map { try $0.value(0) }
    let optional = migrations.filter { $0.manner == .cleanup }
    let required = migrations.filter { $0.manner != .cleanup }
    let (known, newest) = (migrations.map(\.number), migrations.last?.number ?? 0)
    let made = applied.filter { number in
      number <= newest && !optional.contains { $0.number == number }
    }
    guard made == required.prefix(made.count).map(\.number) else {
      throw StorageError(
        .schema, "the database has migrations \(applied), expected \(known): it is damaged")
    }
    if let last = applied.last, last > newest {
      throw StorageError(
        .schema,
        """
        the database has schema version \(last) and this program knows \(newest): it was used by \
        a newer version. Start that version, or restore the backup from before the upgrade
        """)
    }
    return (
      Array(required.dropFirst(made.count)), optional.filter { !applied.contains($0.number) }
    )
  }

  /// False when it is left to a later start.
  private func cleanUp(_ migration: Migration, _ run: MigrationRun) throws -> Bool {
    var reason = "nodes of an older version have leases"
    if try olderNodes(than: migration, run.connection) == 0 {
      do {
        try run.apply(migration)
        return true
      } catch let error as PostgreSQLError {
        guard error.scope == .statement else { throw error }
        reason = error.description
      }
    }
    logger.info(
      "a migration that cleans up is left to a later start",
      metadata: ["number": "\(migration.number)", "reason": "\(reason)"])
    return false
  }

  private func olderNodes(
    than migration: Migration, _ connection: Connection
  ) throws(PostgreSQLError) -> Int64 {
    try connection.run(
      Statements.schemaOlderNodes, .with { $0.append(migration.number) }, timeout: Self.timeout
    ).onlyRow().value(0)
  }

  /// Nothing is made that is there: so that a role needs the right to make it no longer than that.
  private func makePlaceForVersion(_ connection: Connection) throws {
    let existing = try connection.run(Statements.schemaExisting, timeout: Self.timeout).onlyRow()
    let (hasSchema, isUsable, hasTable): (Bool, Bool, Bool) = (
      try existing.value(0), try existing.value(1), try existing.value(2)
    )
    guard isUsable else { throw Self.lacking(["USAGE on the schema progressor"]) }
    if hasTable { return }
    let script = (hasSchema ? "" : Statements.schemaCreate.sql) + Statements.schemaVersionTable.sql
    try connection.runScript(script, timeout: Self.timeout)
  }

  private func initialise(_ connection: Connection) throws -> Int32 {
    var pipeline = Pipeline()
    pipeline.append(Statements.settingInitialise, .with { $0.append(configuration.shards) })
    pipeline.append(Statements.settingShards)
    let shards: Int32 = try connection.run(pipeline, timeout: Self.timeout)[1].onlyRow().value(0)
    if shards != configuration.shards {
      logger.notice(
        "the number of shards was fixed when the database was initialised",
        metadata: ["shards": "\(shards)", "configured": "\(configuration.shards)"])
    }
    return shards
  }
}
