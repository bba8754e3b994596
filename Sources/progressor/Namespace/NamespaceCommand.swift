import ArgumentParser
import MachineModel
import ProgressorProto
import ProgressorServer

/// `progressor namespace`: kinds of machines.
struct NamespaceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "namespace",
    abstract: "Show, create, change, delete, pause and resume namespaces.",
    subcommands: [
      CreateNamespaceCommand.self, GetNamespaceCommand.self, ListNamespacesCommand.self,
      UpdateNamespaceCommand.self, DeleteNamespaceCommand.self, PauseNamespaceCommand.self,
      ResumeNamespaceCommand.self,
    ])

  /// The service that all of them call.
  static let service = "progressor.v1.Namespaces"
}

struct GetNamespaceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "get", abstract: "Show a namespace.")

  @OptionGroup var client: ClientOptions

  @Argument(help: "The namespace.")
  var name: String

  func run() async throws {
    try await Output.reportingErrors(json: client.json) {
      let response = try await Client.with(client) { client in
        try await client.call(
          NamespaceCommand.service, "Get", GetNamespaceRequest(name: name),
          as: GetNamespaceResponse.self)
      }
      NamespaceOutput.print(response.namespace, json: client.json)
    }
  }
}

struct ListNamespacesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List all namespaces.")

  @OptionGroup var client: ClientOptions

  func run() async throws {
    try await Output.reportingErrors(json: client.json) {
      let response = try await Client.with(client) { client in
        try await client.call(
          NamespaceCommand.service, "List", ListNamespacesRequest(),
          as: ListNamespacesResponse.self)
      }
      if client.json {
        let list = response.namespaces.map(NamespaceOutput.json)
        Output.print(JSONValue.members(["namespaces": .array(list)]))
      } else {
        for namespace in response.namespaces {
          let paused: TerminalText = namespace.pause == nil ? "" : "\tpaused"
          Output.print("\(namespace.name)\t\(namespace.processor.endpoint)\(paused)")
        }
      }
    }
  }
}
