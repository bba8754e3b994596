import ArgumentParser
import ProgressorProto

struct NotifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "notify", abstract: "Leave a notification for a machine and print its id.")

  @OptionGroup var machine: MachineOptions
  @OptionGroup var payload: PayloadOptions
  @OptionGroup var key: KeyOption
  @OptionGroup var expectation: ExpectationOption
  @OptionGroup(title: "History shown to the processor") var history: HistoryOptions

  func run() async throws {
    try await Output.reportingErrors(json: machine.client.json) {
      let request = NotifyRequest(
        machineID: machine.machineID, args: try payload.read(), historyRange: history.range,
        idempotencyKey: key.key, expectedLastEventID: expectation.expectedLastEvent)
      let response = try await machine.call(
        "Notify", request, repeatability: key.repeatability, as: NotifyResponse.self)
      Output.line(
        "\(response.notificationID)",
        json: machine.client.json
          ? .members(["notificationId": .string(response.notificationID)]) : nil)
    }
  }
}
