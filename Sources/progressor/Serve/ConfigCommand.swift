import ArgumentParser
import ProgressorServer

/// `progressor config`: what `progressor serve` would run with.
struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Check and show the server's configuration; starts nothing.",
    discussion: """
      Both read the file, the environment and the flags as `progressor serve` does, and print each \
      value with its source. They exit with 78 if something is wrong, check also if \
      the server would refuse to listen there. Passwords are not shown.
      """,
    subcommands: [CheckConfigCommand.self, ShowConfigCommand.self])
}

struct CheckConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Check a configuration file.")

  @Argument(help: ArgumentHelp("The configuration file.", valueName: "file"))
  var file: String

  @OptionGroup var options: ServeOptions

  @Flag(help: "Print JSON.")
  var json = false

  mutating func validate() throws {
    if options.config != nil { throw ValidationError("Give the file once, without --config.") }
  }

  func run() throws {
    try ConfigurationOutput.print(options.source(path: file), json: json, checking: true)
  }
}

struct ShowConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show the configuration that a server would have here.")

  @OptionGroup var options: ServeOptions

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    try ConfigurationOutput.print(options.source, json: json, checking: false)
  }
}
