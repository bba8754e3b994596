import ArgumentParser
import ProgressorProto

struct PauseNamespaceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pause",
    abstract: "Pause a namespace: no step begins in it, what is due waits until it is resumed.")

  @OptionGroup var client: ClientOptions

  @Argument(help: "The namespace.")
  var name: String

  @Option(help: ArgumentHelp("Why, for people.", valueName: "text"))
  var reason = ""

  func run() async throws {
    try await Output.reportingErrors(json: client.json) {
      let response = try await Client.with(client) { client in
        try await client.call(
          NamespaceCommand.service, "Pause", PauseNamespaceRequest(name: name, reason: reason),
          as: PauseNamespaceResponse.self)
      }
      NamespaceOutput.print(response.namespace, json: client.json)
    }
  }
}

struct ResumeNamespaceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Resume a paused namespace: what became due meanwhile runs.")

  @OptionGroup var client: ClientOptions

  @Argument(help: "The namespace.")
  var name: String

  func run() async throws {
    try await Output.reportingErrors(json: client.json) {
      let response = try await Client.with(client) { client in
        try await client.call(
          NamespaceCommand.service, "Resume", ResumeNamespaceRequest(name: name),
          as: ResumeNamespaceResponse.self)
      }
      NamespaceOutput.print(response.namespace, json: client.json)
    }
  }
}
