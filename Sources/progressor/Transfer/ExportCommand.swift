import ArgumentParser
import Glibc
import MachineModel
import ProgressorProto

struct ExportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write machines down as JSON lines, to be imported elsewhere.",
    discussion: """
      A machine is a line `machine`, a line for each notification that waits and for each event, \
      and a line `end`: docs/backup.md has the form. Each is as it was at one time; pause the \
      namespace for all of them to be of the same. What is cut off goes on behind the last \
      machine that was written: --after. Traces and idempotency keys stay behind.
      """)

  @OptionGroup var client: ClientOptions
  @OptionGroup var namespace: NamespaceOption

  @Argument(help: "Only these machines.")
  var ids: [String] = []

  @Option(
    help: ArgumentHelp("Only machines whose ids are greater, by their bytes.", valueName: "id"))
  var after: String?

  @Option(
    name: [.customShort("o"), .long],
    help: ArgumentHelp("Write to this file, which must not exist.", valueName: "path"))
  var output: String?

  mutating func validate() throws {
    for id in ids + [after].compactMap({ $0 }) {
      do { try MachineID.validate(id, field: "ID") } catch { throw ValidationError(error.message) }
    }
    if ids.count > ExportRequest.maximumIDs {
      throw ValidationError("Name \(ExportRequest.maximumIDs) machines at most.")
    }
  }

  func run() async throws {
    try await Output.reportingErrors(json: client.json) {
      let file = try TransferOutput(path: output)
      var progress = TransferProgress("exported", json: client.json)
      do {
        try await export(to: file, &progress)
        try file.finish()
      } catch {
        progress.finish()
        guard let last = progress.last else { throw error }
        throw NotedError(error, note: "Go on with --after \(PayloadText.line(last))")
      }
      progress.finish()
    }
  }

  private func export(to file: TransferOutput, _ progress: inout TransferProgress) async throws {
    try await Client.with(client) { client in
      var request = ExportRequest(namespace: namespace.name, ids: ids, afterID: after ?? "")
      repeat {
        let page = try await client.call(
          MachineCommand.service, "Export", request, as: ExportResponse.self)
        for part in page.parts {
          for line in TransferJSON.lines(part) { try file.write(line.line + "\n") }
          progress.note(part)
        }
        progress.show()
        request.pageToken = page.nextPageToken
      } while !request.pageToken.isEmpty
    }
  }
}
