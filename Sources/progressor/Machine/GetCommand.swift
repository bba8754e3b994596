import ArgumentParser
import ProgressorProto

struct GetCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "get", abstract: "Show a machine with its history.")

  @OptionGroup var machine: MachineOptions
  @OptionGroup(title: "History to show") var history: HistoryOptions

  func run() async throws {
    try await Output.reportingErrors(json: machine.client.json) {
      let request = GetRequest(machineID: machine.machineID, historyRange: history.range)
      let response = try await machine.call("Get", request, as: GetResponse.self)
      if machine.client.json {
        Output.print(MachineJSON.value(response.machine))
      } else {
        Output.print(MachineText.lines(response.machine).joined(separator: "\n"))
      }
    }
  }
}
