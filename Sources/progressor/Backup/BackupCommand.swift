import ArgumentParser
import Logging
import ProgressorProto
import ProgressorServer

/// The data directory whose cluster is copied, or made.
struct DataDirectoryOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The directory of the private PostgreSQL cluster. (env: PROGRESSOR_DATA_DIR)",
      valueName: "path"))
  var dataDir: String?

  /// As a server with this flag would find it; a database of its own has no directory.
  func path() throws -> String {
    let flags = dataDir.map { ["data_dir": [$0]] } ?? [:]
    var environment = Environment.all
    if dataDir != nil { environment["PROGRESSOR_DATABASE_URL"] = nil }
    let configuration = try NodeConfiguration(flags: flags, environment: environment)
    guard case .embedded(let directory) = configuration.database else {
      throw ValidationError(
        "The server has a database of its own (PROGRESSOR_DATABASE_URL): back that up by its own "
          + "means; docs/operations.md says how. Or name a --data-dir.")
    }
    return directory
  }
}

struct BackupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup", abstract: "Copy the private PostgreSQL cluster of a server.",
    discussion: """
      The server may run, and goes on meanwhile; one that does not run may not be started \
      meanwhile. The copy has everything that was acknowledged before it began. The folder has its \
      name only when it is complete. Run it as the user of the server, or as root. `restore` makes \
      a data directory of it.
      """)

  @OptionGroup var directory: DataDirectoryOption

  @Argument(help: "The folder of the backup; it must not be there, or be empty.")
  var folder: String

  @Flag(help: "Print JSON.")
  var json = false

  func run() async throws {
    try await Backups.reportingErrors(json: json) {
      let backup = DataDirectoryBackup(dataDirectory: try directory.path(), logger: Backups.logger)
      let summary = try await backup.make(at: folder)
      Output.line(
        "backup of \(summary.endedAt) in \(folder)",
        json: json ? Backups.json(summary, "folder", folder) : nil)
    }
  }
}

struct RestoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Make a data directory of a backup.",
    discussion: """
      The backup is checked and copied, and is good for another time. A server on the directory \
      does not run before `serve --accept-restored` said that it may: what was acknowledged since \
      the backup is not in it, and would be done again.
      """)

  @OptionGroup var directory: DataDirectoryOption

  @Argument(help: "The folder of the backup.")
  var folder: String

  @Flag(help: "Print JSON.")
  var json = false

  func run() async throws {
    try await Backups.reportingErrors(json: json) {
      let path = try directory.path()
      let backup = DataDirectoryBackup(dataDirectory: path, logger: Backups.logger)
      let summary = try await backup.restore(from: folder)
      Output.line(
        """
        restored \(path) as of \(summary.endedAt)
        what was acknowledged since would be done again: when the other server is gone for good, \
        start once with serve --accept-restored
        """,
        json: json ? Backups.json(summary, "dataDirectory", path) : nil)
    }
  }
}

/// What both have in common.
enum Backups {
  /// Warnings, on standard error.
  static var logger: Logger {
    Logger(label: "progressor") { label in
      LineLogHandler(label: label, configuration: LogConfiguration(level: .warning, format: .human))
    }
  }

  /// Errors end the program as `serve` has it.
  static func reportingErrors(json: Bool, _ body: () async throws -> Void) async throws {
    do { try await body() } catch let failure as NodeFailure {
      Output.printError(failure.description, reason: "", json: json)
      throw ExitCode(Serving.code(failure.kind))
    } catch let error as ConfigurationError {
      throw Serving.misconfigured("\(error)")
    }
  }

  static func json(
    _ summary: DataDirectoryBackup.Summary, _ name: String, _ path: String
  ) -> JSONValue {
    .object([
      JSONValue.Member(name, .string(path)), JSONValue.Member("beganAt", .string(summary.beganAt)),
      JSONValue.Member("endedAt", .string(summary.endedAt)),
      JSONValue.Member("postgresql", .number(String(summary.postgreSQL))),
      JSONValue.Member("program", .string(summary.program)),
    ])
  }
}
