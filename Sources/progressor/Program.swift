import ArgumentParser
import ProgressorServer

/// The program: the server, and a client for people.
@main
struct Program: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "progressor",
    abstract: "Keeps business processes running in spite of crashes.",
    discussion: CommandExit.discussion,
    version: Version.current,
    subcommands: [
      ServeCommand.self, MachineCommand.self, NamespaceCommand.self, RepairJobCommand.self,
      FeedCommand.self, StatusCommand.self, BackupCommand.self, RestoreCommand.self,
      DatabaseCommand.self, SecurityCommand.self, SettingsCommand.self, ConfigCommand.self,
    ])

  static func main() async {
    EarlySignals.ignore(for: CommandLine.arguments)
    await main(nil)
  }
}
