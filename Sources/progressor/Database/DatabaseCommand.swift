import ArgumentParser
import Logging
import ProgressorServer
import ProgressorStorage

/// `progressor database`: what is done to a PostgreSQL database apart from serving.
struct DatabaseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "database", abstract: "Check and migrate the server's database; serves nothing.",
    discussion: """
      With them the schema belongs to one role, which migrates it, and the server needs no right \
      to change it: see docs/operations.md.
      """,
    subcommands: [
      CheckDatabaseCommand.self, MigrateDatabaseCommand.self, DatabaseGrantsCommand.self,
    ])
}

/// Which database, as `progressor serve` is told.
struct DatabaseOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The PostgreSQL database. (env: PROGRESSOR_DATABASE_URL)", valueName: "url"))
  var databaseUrl: String?

  @Option(
    help: ArgumentHelp(
      "A configuration file that names it. (env: PROGRESSOR_CONFIG)", valueName: "path"))
  var config: String?

  @Flag(help: "Print JSON.")
  var json = false

  /// Reads the configuration. Ends the program with 78 if it is wrong or names no database.
  func read() throws -> (storage: StorageConfiguration, node: NodeConfiguration) {
    let source = ConfigurationSource(
      flags: databaseUrl.map { ["database.url": [$0]] } ?? [:],
      path: config ?? Environment.value("PROGRESSOR_CONFIG"))
    let node: NodeConfiguration
    do { node = try source.read() } catch { throw misconfigured("\(error)") }
    guard case .external(let url) = node.database else {
      throw misconfigured(
        "no database: give --database-url or PROGRESSOR_DATABASE_URL; the server migrates its "
          + "private cluster by itself")
    }
    var storage: StorageConfiguration
    do { storage = try StorageConfiguration(connectionString: url) } catch {
      throw misconfigured("--database-url: \(error.description)")
    }
    storage.shards = node.shards
    storage.slots = node.slots * node.coresInUse
    storage.schemaPatience = .microseconds(node.startTimeout)
    return (storage, node)
  }

  /// The log of what is done, on standard error.
  func logger(_ node: NodeConfiguration) -> Logger {
    let log = node.log
    LoggingSystem.bootstrap { LineLogHandler(label: $0, configuration: log) }
    return Logger(label: "progressor")
  }

  /// Says what went wrong; ends the program by its kind.
  func failed(_ error: StorageError) -> ExitCode {
    let (code, reason) = DatabaseExit.of(error.kind)
    Output.printError(error.description, reason: reason, json: json)
    return ExitCode(code)
  }

  private func misconfigured(_ problem: String) -> ExitCode {
    Output.printError(problem, reason: "CONFIGURATION_WRONG", json: json)
    return ExitCode(CommandExit.configuration)
  }
}

/// How the commands end; docs/operations.md has the table for people.
enum DatabaseExit {
  /// The code, and the reason of the JSON form.
  static func of(_ kind: StorageError.Kind) -> (code: Int32, reason: String) {
    switch kind {
    case .unreachable, .crowded: (CommandExit.unavailable, "DATABASE_UNREACHABLE")
    case .busy: (CommandExit.temporary, "SCHEMA_BUSY")
    case .unfit: (CommandExit.configuration, "DATABASE_UNFIT")
    case .schema: (CommandExit.failedPrecondition, "SCHEMA_UNUSABLE")
    case .rights: (CommandExit.noPermission, "RIGHTS_MISSING")
    }
  }

  /// Of a database that was looked at: who has to act first decides.
  static func of(_ problems: [DatabaseReport.Problem]) -> Int32 {
    let kinds = DatabaseReport.Problem.Kind.allCases
    switch kinds.first(where: { kind in problems.contains { $0.kind == kind } }) {
    case .server: return CommandExit.configuration
    case .schema: return CommandExit.failedPrecondition
    case .rights: return CommandExit.noPermission
    case nil: return 0
    }
  }
}
