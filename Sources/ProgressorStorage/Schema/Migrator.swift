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

  /// What became of the schema.
  struct Outcome {
    /// The number of shards that this database was initialised with.
    var shards: Int32
    /// In the order in which they were applied.
    var applied: [Migration]
    /// Those that clean up, and are left to another time.
    var postponed: [Migration]
  }

  /// Migrates, and returns the number of shards that this database was initialised with.
  ///
  /// All of it happens under advisory locks, beside nodes that serve. Throws `StorageError`; no
  /// migration is half done then, but for what it can repeat.
  func migrate() throws(StorageError) -> Int32 {
    try run(checkingRights: true).shards
  }

  /// The same for a role that does not have to serve.
  func run(checkingRights: Bool) throws(StorageError) -> Outcome {
    try Self.naming { () throws in
      let connection = try Connection.open(configuration.settings(for: "migrator"), stop: stop)
      defer { connection.close() }
      let refusals = try refusals(of: connection)
      guard refusals.isEmpty else {
        throw StorageError(
          .unfit, "this PostgreSQL server cannot be used: \(refusals.joined(separator: "; "))")
      }
      let locks = SchemaLocks(connection: connection, logger: logger)
      let end = ContinuousClock.now + configuration.schemaPatience
      try locks.take(.look, until: end)
      let (applied, postponed) = try bringUpToDate(connection, locks, until: end)
      if checkingRights { try refuseMissingRights(connection) }
      return Outcome(
        shards: try initialise(connection), applied: applied, postponed: postponed)
    }
  }

  /// Errors of the database as what they mean for a start.
  static func naming<Value>(_ body: () throws -> Value) throws(StorageError) -> Value {
    do {
      return try body()
    } catch let error as PostgreSQLError where error.sqlState == .insufficientPrivilege {
      throw StorageError(
        .rights,
        "the role lacks a right: \(error.message). To make or migrate the schema it has to own it, "
          + "or to have CREATE on the database; when another role has run `progressor database "
          + "migrate`, the rights of `progressor database grants` will do"
      )
    } catch let error as PostgreSQLError {
      throw StorageError(error.scope == .statement ? .schema : .unreachable, error.description)
    } catch let error as StorageError {
      throw error
    } catch {
      throw StorageError(.unreachable, "\(error)")
    }
  }

  /// Why the server must not be used; empty when it may.
  func refusals(of connection: Connection) throws(PostgreSQLError) -> [String] {
    var refusals = try ServerFacts.read(from: connection, timeout: .seconds(10)).refusals
    let encoding: String = try connection.run(
      Statements.sessionEncoding, timeout: .seconds(10)
    ).onlyRow().value(0)
    if encoding != "UTF8" {
      // Else a step whose texts it lacks characters for would fail its machine.
      refusals.append("the database's encoding is \(encoding): create it with ENCODING 'UTF8'")
    }
    return refusals
  }

  /// What is missing would show only with the request that needs it, and as a database that is
  /// away.
  private func refuseMissingRights(_ connection: Connection) throws {
    let missing = try missingRights(connection)
    guard missing.isEmpty else { throw Self.lacking(missing) }
  }

  /// What the role lacks of what serving needs.
  func missingRights(_ connection: Connection) throws(PostgreSQLError) -> [String] {
    try connection.run(Statements.schemaMissingRights, timeout: Self.timeout)
      .map { (row) throws(PostgreSQLError) in try row.value(0) }
  }

  private static func lacking(_ rights: [String]) -> StorageError {
    StorageError(
      .rights, "the role lacks rights, which GRANT gives it: \(rights.joined(separator: "; "))")
  }

  private func bringUpToDate(
    _ connection: Connection, _ locks: SchemaLocks, until end: ContinuousClock.Instant
  ) throws -> (applied: [Migration], postponed: [Migration]) {
    try makePlaceForVersion(connection)
    let run = MigrationRun(
      configuration: configuration, connection: connection, locks: locks, stop: stop,
      logger: logger, buildReports: buildReports)
    var pending = try pendingMigrations(connection)
    let mayChange = try configuration.mayMigrate && ownsSchema(connection)
    var applied: [Migration] = []
    if !pending.required.isEmpty {
      guard mayChange else { throw outdated(pending.required) }
      // In the order of the locks. Another node may have done it all by then.
      try locks.giveBack(.look)
      try locks.take(.change, until: end)
      try locks.take(.look, until: end)
      pending = try pendingMigrations(connection)
      for migration in pending.required {
        try run.apply(migration)
        applied.append(migration)
      }
      guard try pendingMigrations(connection).required.isEmpty else {
        throw StorageError(.schema, "a migration did not record itself")
      }
    } else if !pending.optional.isEmpty, try !mayChange || !locks.tryTake(.change) {
      return (applied, pending.optional)
    }
    for (index, migration) in pending.optional.enumerated() {
      guard try cleanUp(migration, run) else {
        return (applied, Array(pending.optional[index...]))
      }
      applied.append(migration)
    }
    return (applied, [])
  }

  /// Whether the role may change what the schema has.
  func ownsSchema(_ connection: Connection) throws(PostgreSQLError) -> Bool {
    try connection.run(Statements.schemaIsOwn, timeout: Self.timeout).onlyRow().value(0)
  }

  private func outdated(_ missing: [Migration]) -> StorageError {
    let why =
      configuration.mayMigrate
      ? "the role does not own its tables" : "the setting `migrate` is never"
    let names = missing.map(\.title).joined(separator: ", ")
    return StorageError(
      configuration.mayMigrate ? .rights : .schema,
      """
      the schema progressor is older than this program, and is not migrated here, for \(why): run \
      `progressor database migrate` with a role that owns the schema (missing: \(names))
      """)
  }

  /// What is to be applied, in order. What takes something away can wait, also for what follows it.
  /// Throws for a database that this program does not know.
  func pendingMigrations(
    _ connection: Connection
  ) throws -> (required: [Migration], optional: [Migration]) {
    let applied = try appliedVersions(connection)
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

  /// Ascending.
  func appliedVersions(_ connection: Connection) throws(PostgreSQLError) -> [Int32] {
    try connection.run(Statements.schemaVersion, timeout: Self.timeout)
      .map { (row) throws(PostgreSQLError) in try row.value(0) }
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

  /// What is there, for which no right is needed.
  func existing(
    _ connection: Connection
  ) throws(PostgreSQLError) -> (hasSchema: Bool, isUsable: Bool, hasVersion: Bool) {
    let row = try connection.run(Statements.schemaExisting, timeout: Self.timeout).onlyRow()
    return (try row.value(0), try row.value(1), try row.value(2))
  }

  /// Nothing is made that is there: so that a role needs the right to make it no longer than that.
  private func makePlaceForVersion(_ connection: Connection) throws {
    let existing = try existing(connection)
    guard existing.isUsable else { throw Self.lacking(["USAGE on the schema progressor"]) }
    if existing.hasVersion { return }
    guard configuration.mayMigrate else { throw outdated(migrations) }
    let script =
      (existing.hasSchema ? "" : Statements.schemaCreate.sql) + Statements.schemaVersionTable.sql
    try connection.runScript(script, timeout: Self.timeout)
  }

  /// Nothing is written where that was done before, for which a role needs no right then.
  private func initialise(_ connection: Connection) throws -> Int32 {
    if try fixedShards(connection) == nil {
      _ = try connection.run(
        Statements.settingInitialise, .with { $0.append(configuration.shards) },
        timeout: Self.timeout)
    }
    guard let shards = try fixedShards(connection) else {
      throw StorageError(.schema, "the number of shards was not recorded")
    }
    if shards != configuration.shards {
      logger.notice(
        "the number of shards was fixed when the database was initialised",
        metadata: ["shards": "\(shards)", "configured": "\(configuration.shards)"])
    }
    return shards
  }

  /// nil = the database was not initialised yet.
  func fixedShards(_ connection: Connection) throws(PostgreSQLError) -> Int32? {
    try connection.run(Statements.settingShards, timeout: Self.timeout)
      .map { (row) throws(PostgreSQLError) in try row.value(0, as: Int32.self) }.first
  }
}

extension Migrator {
  /// Has nothing of the database run by itself, nor take a number that was given out after the time
  /// to which it was put back: not even one that another restore of the same copy gives out, which
  /// is why this takes two seconds. May be repeated.
  func quieten(reason: String) throws(StorageError) {
    do {
      let connection = try Connection.open(configuration.settings(for: "migrator"), stop: stop)
      defer { connection.close() }
      var pipeline = Pipeline()
      pipeline.append(Statements.restoredPause, .with { $0.append(reason) })
      pipeline.append(Statements.restoredEpochs)
      _ = try connection.run(pipeline, timeout: Self.timeout)
      // Not in the pipeline, which is one transaction: others need not wait for its rows as well.
      _ = try connection.run(Statements.restoredWait, timeout: Self.timeout)
    } catch {
      throw StorageError(
        error.scope == .statement ? .schema : .unreachable,
        "its namespaces cannot be paused: \(error.description)")
    }
  }
}
