import ArgumentParser
import MachineModel
import ProgressorProto

struct CreateNamespaceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Create a namespace.")

  @OptionGroup var client: ClientOptions

  @Argument(help: "The name of the namespace.")
  var name: String

  @Argument(help: "The processor: HOST:PORT or unix:PATH, as the server reaches it.")
  var endpoint: String

  @OptionGroup var options: NamespaceOptions

  mutating func validate() throws {
    do { try namespace().validateForServing(path: "") } catch let error as ProgressorError {
      throw ValidationError(error.message)
    }
  }

  func run() async throws {
    try await Output.reportingErrors(json: client.json) {
      let request = CreateNamespaceRequest(namespace: try namespace())
      let response = try await Client.with(client) { client in
        try await client.call(
          NamespaceCommand.service, "Create", request, as: CreateNamespaceResponse.self)
      }
      NamespaceOutput.print(response.namespace, json: client.json)
    }
  }

  private func namespace() throws -> Namespace {
    var namespace = Namespace(name: name, processor: ProcessorOptions(endpoint: endpoint))
    try options.apply(to: &namespace)
    return namespace
  }
}
