import ArgumentParser
import MachineModel
import ProgressorProto
import ProgressorServer

struct CreateNamespaceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Create a namespace.")

  @OptionGroup var client: ClientOptions

  @Argument(help: "The name of the namespace.")
  var name: String

  @Argument(help: "The processor: HOST:PORT or unix:PATH, as the server reaches it.")
  var endpoint: String

  @Option(help: ArgumentHelp("How long one invocation may take.", valueName: "time"))
  var processorTimeout: String?

  @Option(help: ArgumentHelp("Invocations at once.", valueName: "count"))
  var maxInFlight: Int32?

  @Option(help: ArgumentHelp("Before the second attempt.", valueName: "time"))
  var retryInitialInterval: String?

  @Option(help: ArgumentHelp("Growth of the interval.", valueName: "factor"))
  var retryMultiplier: Double?

  @Option(help: ArgumentHelp("A cap of the interval.", valueName: "time"))
  var retryMaxInterval: String?

  @Option(
    help: ArgumentHelp(
      "After so many attempts the machine fails; 0 = no limit.", valueName: "count"))
  var retryMaxAttempts: Int32?

  @Option(help: ArgumentHelp("How long replies to idempotency keys are kept.", valueName: "time"))
  var idempotencyRetention: String?

  mutating func validate() throws {
    do { try namespace().validateForServing(path: "") } catch let error as ProgressorError {
      throw ValidationError(error.message)
    }
  }

  func run() async throws {
    try await Output.reportingErrors {
      let request = CreateNamespaceRequest(namespace: try namespace())
      let response = try await Client.with(client) { client in
        try await client.call(
          NamespaceCommand.service, "Create", request, as: CreateNamespaceResponse.self)
      }
      NamespaceOutput.print(response.namespace, json: client.json)
    }
  }

  private func namespace() throws -> Namespace {
    Namespace(
      name: name,
      processor: ProcessorOptions(
        endpoint: endpoint, timeout: try time(processorTimeout, "--processor-timeout"),
        maxInFlight: maxInFlight ?? 0),
      retryPolicy: RetryPolicy(
        initialInterval: try time(retryInitialInterval, "--retry-initial-interval"),
        multiplier: retryMultiplier,
        maxInterval: try time(retryMaxInterval, "--retry-max-interval"),
        maxAttempts: retryMaxAttempts),
      idempotencyRetention: try time(idempotencyRetention, "--idempotency-retention"))
  }

  private func time(_ text: String?, _ flag: String) throws -> Int64? {
    guard let text else { return nil }
    guard let microseconds = Quantity.microseconds(text) else {
      throw ValidationError("\(flag) must be a time such as 500ms, 10s, 5m or 24h.")
    }
    return Int64(microseconds)
  }
}
