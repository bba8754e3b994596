import ArgumentParser
import ProgressorServer
import ProgressorStorage

struct MigrateDatabaseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "migrate", abstract: "Make the schema, or bring it up to date, and end.",
    discussion: """
      Needs a role that owns the schema, or may make it. Servers of this version and the one \
      before go on meanwhile. Exit codes: 0 the schema is up to date; 69 no server of the URL can \
      be reached and written within start_timeout; 75 somebody else migrates for longer than that; \
      77 the role lacks a right; 5 the schema is of a newer version, or damaged; 78 the URL or the \
      configuration is wrong, or the server is not durable.
      """)

  @OptionGroup var options: DatabaseOptions

  @Option(
    help: ArgumentHelp(
      "Then give this role what a server needs, as `progressor database grants` has it.",
      valueName: "role"))
  var grantTo: String?

  func run() async throws {
    let (storage, node) = try options.read()
    let logger = options.logger(node)
    let end = ContinuousClock.now + .microseconds(node.startTimeout)
    while true {
      do {
        let report = try DatabaseCare.migrate(storage, grantingTo: grantTo, logger: logger)
        return Output.line(
          DatabaseOutput.text(report), json: options.json ? DatabaseOutput.json(report) : nil)
      } catch {
        guard error.kind == .unreachable, ContinuousClock.now < end else {
          throw options.failed(error)
        }
        logger.warning("waiting for the database", metadata: ["error": "\(error)"])
      }
      try await Task.sleep(for: .milliseconds(500))
    }
  }
}

struct DatabaseGrantsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "grants", abstract: "Print what a role needs for serving, as SQL.",
    discussion: "Asks no database. Run it as the owner of the schema, again after each migration.")

  @Argument(help: ArgumentHelp("The role of the server.", valueName: "role"))
  var role: String

  func run() {
    Output.print(TerminalText(ours: DatabaseCare.grants(to: role)))
  }
}
