public import Logging
import PostgreSQL

/// What is done to a database apart from serving, under a role of its own.
public enum DatabaseCare {
  /// Makes the schema or brings it up to date, beside nodes that serve, as a start does.
  ///
  /// - Parameter role: Is given what a node needs for serving, and no more; nil = nobody is.
  public static func migrate(
    _ configuration: StorageConfiguration, grantingTo role: String? = nil, logger: Logger
  ) throws(StorageError) -> MigrationReport {
    let outcome = try Migrator(configuration: configuration, logger: logger)
      .run(checkingRights: false)
    if let role { try grant(to: role, configuration) }
    return MigrationReport(
      applied: outcome.applied.map(\.title), postponed: outcome.postponed.map(\.title),
      shards: outcome.shards)
  }

  /// Of a database that was put back to an earlier time, before anything runs on it: brings the
  /// schema up to date, pauses all namespaces that are not paused, and sees to it that no number of
  /// its later owners is given out again. May be done twice.
  ///
  /// - Parameter reason: Of the pauses.
  public static func quieten(
    _ configuration: StorageConfiguration, reason: String, logger: Logger
  ) throws(StorageError) {
    let migrator = Migrator(configuration: configuration, logger: logger)
    _ = try migrator.run(checkingRights: false)
    try migrator.quieten(reason: reason)
  }

  private static func grant(
    to role: String, _ configuration: StorageConfiguration
  ) throws(StorageError) {
    try Migrator.naming {
      let connection = try Connection.open(configuration.settings(for: "migrator"))
      defer { connection.close() }
      do throws(PostgreSQLError) {
        try connection.runScript(grants(to: role), timeout: Migrator.timeout)
      } catch {
        guard error.scope == .statement else { throw error }
        throw StorageError(
          .rights, "the schema is up to date, and its rights were not granted: \(error.message)")
      }
    }
  }

  /// The statements that give a role what a node needs for serving, when the schema is there.
  public static func grants(to role: String) -> String {
    let name = "\"" + role.replacing("\"", with: "\"\"") + "\""
    return Statements.schemaServingRole.sql.split(separator: "\n", omittingEmptySubsequences: false)
      .filter { !$0.hasPrefix("--") }.joined(separator: "\n").replacing(":\"role\"", with: name)
  }

  /// Looks at the database as a node would that starts, and changes nothing. Throws when it cannot
  /// be reached.
  public static func check(
    _ configuration: StorageConfiguration, logger: Logger
  ) throws(StorageError) -> DatabaseReport {
    try Migrator.naming {
      let connection = try Connection.open(configuration.settings(for: "check"))
      defer { connection.close() }
      let inspection = DatabaseInspection(
        migrator: Migrator(configuration: configuration, logger: logger), connection: connection)
      return try inspection.report()
    }
  }
}

/// One look at a database.
private struct DatabaseInspection {
  let migrator: Migrator
  let connection: Connection

  func report() throws -> DatabaseReport {
    var report = DatabaseReport()
    report.host = connection.peer ?? ""
    try describeServer(&report)
    report.problems += try migrator.refusals(of: connection).map { .init(kind: .server, text: $0) }
    try describeSchema(&report)
    return report
  }

  private func describeServer(_ report: inout DatabaseReport) throws {
    let row = try connection.run(Statements.schemaServer, timeout: Migrator.timeout).onlyRow()
    (report.version, report.database, report.role) = (
      try row.value(0), try row.value(1), try row.value(2)
    )
    let (synchronous, waitedFor, standbys): (String, String, Int64) = (
      try row.value(3), try row.value(4), try row.value(5)
    )
    if ["off", "local", "remote_write"].contains(synchronous) {
      report.warnings.append(
        "synchronous_commit is \(synchronous) for this role: the server sets it on in its own "
          + "sessions")
    }
    if waitedFor.isEmpty, standbys > 0 {
      report.warnings.append(
        "standbys follow, and no commit waits for one: a failover can lose acknowledged steps; set "
          + "synchronous_standby_names")
    }
    let (limit, needed) = (
      try row.optional(6, as: Int64.self), Int64(migrator.configuration.sessions)
    )
    if let limit, limit < needed {
      report.warnings.append(
        "a node needs \(needed) sessions at once, and this role gets \(limit): raise "
          + "max_connections, or the CONNECTION LIMIT of the role or the database")
    }
    let ahead = try row.value(7, as: SQLTimestamp.self).microseconds - LocalClock.wall()
    if ahead.magnitude > StorageConfiguration.maximumClockOffset.magnitude {
      report.warnings.append(
        "the database's clock and this machine's are \(ahead.magnitude / 1_000) ms apart: a node "
          + "takes over from no other one beyond "
          + "\(StorageConfiguration.maximumClockOffset / 1_000) ms")
    }
  }

  private func describeSchema(_ report: inout DatabaseReport) throws {
    let existing = try migrator.existing(connection)
    guard existing.hasSchema else {
      report.mayMigrate = try connection.run(
        Statements.schemaMayCreate, timeout: Migrator.timeout
      ).onlyRow().value(0)
      return add(.schema, "there is no schema progressor: \(Self.advice)", to: &report)
    }
    guard existing.isUsable else {
      return add(.rights, "USAGE on the schema progressor", to: &report)
    }
    report.mayMigrate = try migrator.ownsSchema(connection)
    guard existing.hasVersion else {
      return add(.schema, "the schema progressor is empty: \(Self.advice)", to: &report)
    }
    for right in try migrator.missingRights(connection) { add(.rights, right, to: &report) }
    if report.problems.contains(where: { $0.text.hasSuffix(" schema_migration") }) { return }
    do {
      let pending = try migrator.pendingMigrations(connection)
      report.schemaVersion = try migrator.appliedVersions(connection).last
      report.missing = pending.required.map(\.title)
      report.postponed = pending.optional.map(\.title)
      if !report.missing.isEmpty {
        add(
          .schema,
          "the schema lacks \(report.missing.joined(separator: ", ")): \(Self.advice)", to: &report)
      }
    } catch let error as StorageError {
      report.schemaVersion = try migrator.appliedVersions(connection).last
      add(.schema, error.description, to: &report)
    }
    try describeShards(&report)
  }

  /// What is there of an older schema may be readable or not.
  private func describeShards(_ report: inout DatabaseReport) throws {
    do throws(PostgreSQLError) {
      report.shards = try migrator.fixedShards(connection)
    } catch {
      // A table that is not there, or that the role may not read, is told already.
      guard error.scope == .statement else { throw error }
      return
    }
    if report.shards == nil, report.missing.isEmpty {
      add(.schema, "the number of shards is not fixed: \(Self.advice)", to: &report)
    }
  }

  private func add(
    _ kind: DatabaseReport.Problem.Kind, _ text: String, to report: inout DatabaseReport
  ) {
    report.problems.append(.init(kind: kind, text: text))
  }

  private static let advice =
    "run `progressor database migrate` with a role that owns the schema, or may make it"
}
