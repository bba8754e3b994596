import ArgumentParser
import MachineModel
import ProgressorProto

struct WatchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch", abstract: "Show what happens to a machine, until it is removed.",
    discussion: """
      Shows the machine, its events, and what becomes of it as it happens. When the server goes \
      away, it is waited for, and the next server asked, and nothing is shown twice or left out. \
      With --json each line is an object: machine, event or, at the end, removed.
      """)

  @OptionGroup var machine: MachineOptions

  @Option(
    help: ArgumentHelp("Show the events behind this one; by default all of them.", valueName: "id"))
  var after: Int64 = 0

  mutating func validate() throws {
    if after < 0 { throw ValidationError("--after must not be negative.") }
  }

  func run() async throws {
    try await Output.reportingErrors(json: machine.client.json) {
      let view = WatchView(after: after, json: machine.client.json)
      try await Client.with(machine.client) { client in
        while try await !watch(client, view) { try await Task.sleep(for: .seconds(1)) }
      }
    }
  }

  /// Watches as long as a server lets it; false = it is to be watched again.
  private func watch(_ client: Client, _ view: WatchView) async throws(ClientFailure) -> Bool {
    do throws(ClientFailure) {
      try await client.stream(
        MachineCommand.service, "Watch",
        { WatchRequest(machineID: machine.machineID, afterEventID: view.lastEventID) },
        message: { (response: WatchResponse) in view.show(response) })
      // It has seen the machine to its end: another has its name.
      view.removed(machine.machineID)
      return true
    } catch {
      guard view.hasBegun else { throw error }
      if error.reason == Reason.machineNotFound.rawValue {
        view.removed(machine.machineID)
        return true
      }
      guard error.isTemporary, error.reason != Reason.historyTooLarge.rawValue else { throw error }
      view.isInterrupted(by: error)
      return false
    }
  }
}
