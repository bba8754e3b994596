import ArgumentParser
import MachineModel
import ProgressorProto

/// `progressor machine`: what clients do with machines.
struct MachineCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "machine", abstract: "Start machines and drive them.",
    subcommands: [
      StartCommand.self, CallCommand.self, NotifyCommand.self, GetCommand.self,
      WatchCommand.self, ListCommand.self, FailuresCommand.self, RemoveCommand.self,
      RepairCommand.self,
      SimpleRepairCommand.self, PauseCommand.self, ResumeCommand.self, TraceCommand.self,
      NotificationsCommand.self, DropNotificationCommand.self, MessagesCommand.self,
      DropMessageCommand.self, RetryMessageCommand.self, ExportCommand.self,
      ImportCommand.self,
    ])

  /// The service that all of them call.
  static let service = "progressor.v1.Automaton"

  /// Its methods whose commands have `--key`.
  static let keyed: Set = ["Start", "Call", "Notify", "Repair"]
}

/// What the commands about one machine have in common.
struct MachineOptions: ParsableArguments {
  @OptionGroup var client: ClientOptions
  @OptionGroup var namespace: NamespaceOption

  @Argument(help: "The machine.")
  var id: String

  var machineID: MachineID { MachineID(namespace: namespace.name, id: id) }

  mutating func validate() throws {
    do { try MachineID.validate(id, field: "ID") } catch { throw ValidationError(error.message) }
  }

  /// Calls a method of Automaton with the server that was named.
  func call<Request: ProtobufMessage, Response: ProtobufMessage>(
    _ method: String, _ request: Request, repeatability: Repeatability? = nil, as: Response.Type
  ) async throws -> Response {
    try await Client.with(client) { client in
      try await client.call(
        MachineCommand.service, method, request, repeatability: repeatability, as: Response.self)
    }
  }
}

/// The key that makes a repeat harmless.
struct ExpectationOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Do nothing unless this is the id of the machine's last event; 0 = it has none.",
      valueName: "id"))
  var expectedLastEvent: Int64?

  mutating func validate() throws {
    if let expectedLastEvent, expectedLastEvent < 0 {
      throw ValidationError("--expected-last-event must not be negative.")
    }
  }
}

struct KeyOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "An idempotency key: a repeat with it has no second effect.", valueName: "text"))
  var key: String?

  var repeatability: Repeatability { Repeatability(key: key) }
}
