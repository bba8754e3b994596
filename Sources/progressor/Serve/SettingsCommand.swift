import ArgumentParser
import ProgressorServer

struct SettingsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "settings", abstract: "Print every setting of the server, as Markdown.")

  func run() {
    Output.print(TerminalText(ours: SettingsTable.markdown()))
  }
}
