import ArgumentParser
import ProgressorProto

struct PauseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pause",
    abstract: "Pause a machine: no step begins on it, what is due waits until it is resumed.")

  @OptionGroup var machine: MachineOptions

  @Option(help: ArgumentHelp("Why, for people.", valueName: "text"))
  var reason = ""

  func run() async throws {
    try await Output.reportingErrors(json: machine.client.json) {
      let request = PauseRequest(machineID: machine.machineID, reason: reason)
      _ = try await machine.call("Pause", request, as: PauseResponse.self)
      Output.confirm("paused", machine.machineID, json: machine.client.json)
    }
  }
}

struct ResumeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Resume a paused machine: what became due meanwhile runs.")

  @OptionGroup var machine: MachineOptions

  func run() async throws {
    try await Output.reportingErrors(json: machine.client.json) {
      let request = ResumeRequest(machineID: machine.machineID)
      _ = try await machine.call("Resume", request, as: ResumeResponse.self)
      Output.confirm("resumed", machine.machineID, json: machine.client.json)
    }
  }
}
