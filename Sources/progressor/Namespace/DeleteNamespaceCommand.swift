import ArgumentParser
import ProgressorProto

struct DeleteNamespaceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete",
    abstract: "Delete a namespace that has no machines.",
    discussion: """
      Its repair jobs are cancelled. A namespace that the configuration file has comes back at the \
      next start of a server.
      """)

  @OptionGroup var client: ClientOptions

  @Argument(help: "The namespace.")
  var name: String

  func run() async throws {
    try await Output.reportingErrors(json: client.json) {
      _ = try await Client.with(client) { client in
        try await client.call(
          NamespaceCommand.service, "Delete", DeleteNamespaceRequest(name: name),
          as: DeleteNamespaceResponse.self)
      }
      Output.line(
        "deleted \(name)", json: client.json ? .members(["namespace": .string(name)]) : nil)
    }
  }
}
