import ArgumentParser
import ProgressorProto

struct RepairCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repair", abstract: "Have the processor repair a failed machine.")

  @OptionGroup var machine: MachineOptions
  @OptionGroup var payload: PayloadOptions
  @OptionGroup var key: KeyOption
  @OptionGroup(title: "History shown to the processor") var history: HistoryOptions

  func run() async throws {
    try await Output.reportingErrors {
      let request = RepairRequest(
        machineID: machine.machineID, args: try payload.read(), historyRange: history.range,
        idempotencyKey: key.key)
      let response = try await machine.call("Repair", request, as: RepairResponse.self)
      Output.response(response.response, json: machine.client.json)
    }
  }
}

struct SimpleRepairCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simple-repair",
    abstract: "Make a failed machine work again without asking the processor.")

  @OptionGroup var machine: MachineOptions

  func run() async throws {
    try await Output.reportingErrors {
      let request = SimpleRepairRequest(machineID: machine.machineID)
      _ = try await machine.call("SimpleRepair", request, as: SimpleRepairResponse.self)
      Output.confirm("repaired", machine.machineID, json: machine.client.json)
    }
  }
}
