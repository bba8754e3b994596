import ArgumentParser
import MachineModel
import ProgressorProto

struct TailFeedCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tail", abstract: "Show what is committed, as it happens.",
    discussion: """
      Goes on until it is interrupted. When the server goes away, it is waited for, and the next \
      server asked, and nothing is left out. With --consumer it begins where that had got to, and \
      acknowledges what it has shown. With --json each line is an object.
      """)

  @OptionGroup var client: ClientOptions

  @Option(
    name: [.customLong("namespace"), .customShort("n")], parsing: .singleValue,
    help: "Only of this namespace; may be repeated.")
  var namespaces: [String] = []

  @Option(
    name: .customLong("kind"), parsing: .singleValue,
    help: "Only of this kind; may be repeated.")
  var kinds: [Kind] = []

  @Option(help: "Where to begin; of a consumer that has begun it does not count.")
  var from = FeedBeginning.now

  @Option(help: ArgumentHelp("Follow under this name.", valueName: "name"))
  var consumer: String?

  @Option(help: ArgumentHelp("Show so many and end.", valueName: "count"))
  var limit: Int?

  /// The words of `--kind`.
  enum Kind: String, ExpressibleByArgument, CaseIterable {
    case created, event, status, removed

    var kind: FeedKind {
      switch self {
      case .created: .created
      case .event: .event
      case .status: .statusChanged
      case .removed: .removed
      }
    }
  }

  mutating func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
    if consumer?.isEmpty == true { throw ValidationError("--consumer must not be empty.") }
  }

  func run() async throws {
    try await Output.reportingErrors(json: client.json) {
      let view = FeedView(
        FeedSubscription(
          namespaces: namespaces, start: from.start, consumer: consumer ?? "",
          kinds: Set(kinds.map(\.kind))), limit: limit, json: client.json)
      let acknowledging = consumer.map { name in Task { await acknowledge(name, view) } }
      defer { acknowledging?.cancel() }
      try await Client.with(client) { client in
        while try await !follow(client, view) { try await Task.sleep(for: .seconds(1)) }
      }
      if let consumer { try await acknowledgeOnce(consumer, view) }
    }
  }

  /// Shows as long as a server lets it; false = it is to go on with the next.
  private func follow(_ client: Client, _ view: FeedView) async throws(ClientFailure) -> Bool {
    do throws(ClientFailure) {
      try await client.stream(
        FeedCommand.service, "Subscribe", { SubscribeRequest(subscription: view.subscription) },
        message: { (response: SubscribeResponse) in view.show(response) })
      return view.hasEnough
    } catch {
      guard view.hasBegun, error.isTemporary else { throw error }
      view.isInterrupted(by: error)
      return false
    }
  }

  /// Each second, on a connection of its own.
  private func acknowledge(_ name: String, _ view: FeedView) async {
    while !Task.isCancelled {
      try? await Task.sleep(for: .seconds(1))
      if Task.isCancelled { return }
      // What was not acknowledged is shown again: that is said when the stream ends, too.
      try? await acknowledgeOnce(name, view)
    }
  }

  private func acknowledgeOnce(_ name: String, _ view: FeedView) async throws {
    let cursors = view.takeShown()
    if cursors.isEmpty { return }
    _ = try await Client.with(client) { client in
      try await client.call(
        FeedCommand.service, "Acknowledge",
        AcknowledgeRequest(consumer: name, cursors: cursors), repeatability: .keyed,
        as: AcknowledgeResponse.self)
    }
  }
}
