import ArgumentParser
import MachineModel
import ProgressorProto

struct UpdateNamespaceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "update",
    abstract: "Change options of a namespace; what is not named stays as it is.",
    discussion: """
      The change is refused if somebody else changes the namespace at the same time. It holds for \
      steps that begin after it.
      """)

  /// An option that can have its default again.
  enum Defaulted: String, ExpressibleByArgument, CaseIterable {
    case processorTimeout = "processor-timeout"
    case maxInFlight = "max-in-flight"
    case connections
    case processorTLS = "processor-tls"
    case retryPolicy = "retry-policy"
    case nonRetryable = "non-retryable"
    case limits
    case idempotencyRetention = "idempotency-retention"
    case trace
    case feed
  }

  @OptionGroup var client: ClientOptions

  @Argument(help: "The namespace.")
  var name: String

  @Option(help: ArgumentHelp("The processor: HOST:PORT or unix:PATH.", valueName: "address"))
  var endpoint: String?

  @OptionGroup var options: NamespaceOptions

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "Give this its default again, before anything else is set; may be repeated.",
      valueName: "option"))
  var reset: [Defaulted] = []

  @Option(
    help: ArgumentHelp(
      "Change it only if its version is this one; by default, the one it has now.",
      valueName: "number"))
  var expectedVersion: Int64?

  mutating func validate() throws {
    // What is wrong whatever the namespace is, is said before anybody is asked.
    var namespace = Namespace(name: name, processor: ProcessorOptions(endpoint: "localhost:1"))
    try change(&namespace)
    do { try namespace.validateForServing(path: "") } catch {
      throw ValidationError(error.message)
    }
  }

  func run() async throws {
    try await Output.reportingErrors(json: client.json) {
      let response = try await Client.with(client) { client in
        var namespace = try await client.call(
          NamespaceCommand.service, "Get", GetNamespaceRequest(name: name),
          as: GetNamespaceResponse.self
        ).namespace
        try change(&namespace)
        if let expectedVersion { namespace.version = expectedVersion }
        return try await client.call(
          NamespaceCommand.service, "Update", UpdateNamespaceRequest(namespace: namespace),
          as: UpdateNamespaceResponse.self)
      }
      NamespaceOutput.print(response.namespace, json: client.json)
    }
  }

  private func change(_ namespace: inout Namespace) throws {
    for option in reset {
      switch option {
      case .processorTimeout: namespace.processor.timeout = nil
      case .maxInFlight: namespace.processor.maxInFlight = 0
      case .connections: namespace.processor.connections = 0
      case .processorTLS: namespace.processor.tls = nil
      case .retryPolicy: namespace.retryPolicy = RetryPolicy()
      case .nonRetryable: namespace.retryPolicy.nonRetryable = []
      case .limits: namespace.limits = Limits()
      case .idempotencyRetention: namespace.idempotencyRetention = nil
      case .trace: namespace.trace = TraceOptions()
      case .feed: namespace.feed = FeedOptions()
      }
    }
    if let endpoint { namespace.processor.endpoint = endpoint }
    try options.apply(to: &namespace)
  }
}
