import ArgumentParser
import ProgressorProto

struct RemoveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove", abstract: "Remove a machine with its history.")

  @OptionGroup var machine: MachineOptions

  func run() async throws {
    try await Output.reportingErrors(json: machine.client.json) {
      let request = RemoveRequest(machineID: machine.machineID)
      _ = try await machine.call("Remove", request, as: RemoveResponse.self)
      Output.confirm("removed", machine.machineID, json: machine.client.json)
    }
  }
}
