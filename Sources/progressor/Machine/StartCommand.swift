import ArgumentParser
import ProgressorProto

struct StartCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "start", abstract: "Start a machine.")

  @OptionGroup var machine: MachineOptions
  @OptionGroup var payload: PayloadOptions
  @OptionGroup var key: KeyOption

  func run() async throws {
    try await Output.reportingErrors(json: machine.client.json) {
      let request = StartRequest(
        machineID: machine.machineID, args: try payload.read(), idempotencyKey: key.key)
      _ = try await machine.call(
        "Start", request, repeatability: key.repeatability, as: StartResponse.self)
      Output.confirm("started", machine.machineID, json: machine.client.json)
    }
  }
}
