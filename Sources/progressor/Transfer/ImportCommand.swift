import ArgumentParser
import MachineModel
import ProgressorProto
import ProgressorServer

struct ImportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Make machines of JSON lines that export, or you, wrote.",
    discussion: """
      Each machine comes with one commit, unseen by its processor: its timer fires, its \
      notifications are delivered, and a failed one can be repaired. One that exists is not \
      touched: that is an error, or passed over with --skip-existing, so that a transfer that was \
      cut off can be repeated. The first error ends the command; what was imported until then \
      stays.
      """)

  @OptionGroup var client: ClientOptions
  @OptionGroup var namespace: NamespaceOption

  @Argument(help: "The file; standard input by default, or for -.")
  var file: String?

  @Flag(help: "Pass over machines that exist.")
  var skipExisting = false

  @Flag(help: "Only look whether the file is right; no server is asked.")
  var check = false

  func run() async throws {
    try await Output.reportingErrors(json: client.json) {
      var progress = TransferProgress(check ? "checked" : "imported", json: client.json)
      do {
        var reader = try TransferReader(path: file)
        if check {
          while let machine = try reader.next() { progress.note(machine.parts) }
        } else {
          try await Client.with(client) { client in
            while let machine = try reader.next() { try await send(machine, client, &progress) }
          }
        }
        progress.finish()
      } catch {
        progress.finish()
        throw error
      }
    }
  }

  /// What is known of the machine that an import ended with.
  static func outcome(of id: String, line: Int, _ failure: ClientFailure) -> TerminalText {
    let machine: TerminalText = "machine \(PayloadText.line(id)) of line \(line)"
    if failure.reason == Reason.machineAlreadyExists.rawValue {
      return machine + " was not imported: --skip-existing passes over those that are there, also "
        + "over one that an earlier import left open"
    }
    switch failure.status.code {
    case .unavailable, .deadlineExceeded, .cancelled, .unknown:
      return machine + " is there, or comes yet, or is not there: repeat the import with "
        + "--skip-existing"
    default: return machine + " was not imported"
    }
  }

  private func send(
    _ machine: TransferReader.ReadMachine, _ client: Client, _ progress: inout TransferProgress
  ) async throws {
    do throws(ClientFailure) {
      _ = try await client.send(
        MachineCommand.service, "Import", machine.messages(for: namespace.name),
        as: ImportResponse.self)
      progress.note(machine.parts)
    } catch {
      guard skipExisting, error.reason == Reason.machineAlreadyExists.rawValue else {
        throw NotedError(
          error, note: ImportCommand.outcome(of: machine.id, line: machine.line, error))
      }
      progress.noteSkipped()
    }
    progress.show()
  }
}
