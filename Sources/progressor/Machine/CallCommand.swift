import ArgumentParser
import ProgressorProto

struct CallCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "call", abstract: "Call a machine and print what its processor answers.",
    discussion: "Without --json the answer's bytes are printed as they are.")

  @OptionGroup var machine: MachineOptions
  @OptionGroup var payload: PayloadOptions
  @OptionGroup var key: KeyOption
  @OptionGroup var expectation: ExpectationOption
  @OptionGroup(title: "History shown to the processor") var history: HistoryOptions

  func run() async throws {
    try await Output.reportingErrors(json: machine.client.json) {
      let request = CallRequest(
        machineID: machine.machineID, args: try payload.read(), historyRange: history.range,
        idempotencyKey: key.key, expectedLastEventID: expectation.expectedLastEvent)
      let response = try await machine.call(
        "Call", request, repeatability: key.repeatability, as: CallResponse.self)
      Output.response(response.response, json: machine.client.json)
    }
  }
}
