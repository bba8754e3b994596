import ArgumentParser
import MachineModel
import ProgressorProto
import ProgressorServer

/// `progressor feed`: what was committed, and who follows it.
struct FeedCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "feed",
    abstract: "Follow what is committed, and see to those who do.",
    discussion: """
      Only namespaces whose feed is on have entries: progressor namespace update NAME --feed on.
      """,
    subcommands: [
      TailFeedCommand.self, ConsumersCommand.self, ResetConsumerCommand.self,
      DeleteConsumerCommand.self,
    ])

  /// The service that all of them call.
  static let service = "progressor.v1.EventSink"
}

/// The words for where to begin.
enum FeedBeginning: String, ExpressibleByArgument, CaseIterable {
  case oldest, now

  var start: FeedStart {
    switch self {
    case .oldest: .oldest
    case .now: .now
    }
  }
}

struct ConsumersCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "consumers",
    abstract: "List those who follow under a name, and how far they have come.",
    discussion: """
      BEHIND are the entries that they have not acknowledged, the ones that they leave out \
      included; NOW are the subscribers that share the shards at present.
      """)

  @OptionGroup var client: ClientOptions

  func run() async throws {
    try await Output.reportingErrors(json: client.json) {
      var consumers: [FeedConsumer] = []
      try await Client.with(client) { client in
        var token = ""
        repeat {
          let page = try await client.call(
            FeedCommand.service, "ListConsumers", ListConsumersRequest(pageToken: token),
            as: ListConsumersResponse.self)
          consumers += page.consumers
          token = page.nextPageToken
        } while !token.isEmpty
      }
      if client.json {
        Output.print(JSONValue.members(["consumers": .array(consumers.map(FeedOutput.value))]))
      } else {
        var table = TextTable(header: FeedOutput.header, width: TextTable.terminalWidth())
        Output.print(table.lines(consumers.map(FeedOutput.row)).joined(separator: "\n"))
      }
    }
  }
}

struct ResetConsumerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reset", abstract: "Have a consumer go on elsewhere.",
    discussion: """
      Its subscribers' streams end, and they are sent what follows there when they subscribe anew. \
      Without --cursor all shards go on where --to says.
      """)

  @OptionGroup var client: ClientOptions

  @Argument(help: "The consumer.")
  var consumer: String

  @Option(help: "Where to go on in all shards.")
  var to: FeedBeginning?

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "Behind which entry to go on in one shard; may be repeated.", valueName: "shard:number"))
  var cursor: [FeedCursorArgument] = []

  mutating func validate() throws {
    if (to == nil) == cursor.isEmpty {
      throw ValidationError("Give either --to or --cursor.")
    }
  }

  func run() async throws {
    try await Output.reportingErrors(json: client.json) {
      let reset = to.map { FeedReset.start($0.start) } ?? .cursors(cursor.map(\.cursor))
      _ = try await Client.with(client) { client in
        try await client.call(
          FeedCommand.service, "ResetConsumer",
          ResetConsumerRequest(consumer: consumer, reset: reset), as: ResetConsumerResponse.self)
      }
      Output.line(
        "reset \(consumer)", json: client.json ? .members(["consumer": .string(consumer)]) : nil)
    }
  }
}

/// SHARD:NUMBER.
struct FeedCursorArgument: ExpressibleByArgument {
  let cursor: FeedCursor

  init?(argument: String) {
    let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let shard = Int32(parts[0]), let number = Int64(parts[1]),
      shard >= 0, number >= 0
    else { return nil }
    cursor = FeedCursor(shard: ShardID(shard), sequence: number)
  }
}

struct DeleteConsumerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Forget a consumer and how far it has come.")

  @OptionGroup var client: ClientOptions

  @Argument(help: "The consumer.")
  var consumer: String

  func run() async throws {
    try await Output.reportingErrors(json: client.json) {
      _ = try await Client.with(client) { client in
        try await client.call(
          FeedCommand.service, "DeleteConsumer", DeleteConsumerRequest(consumer: consumer),
          as: DeleteConsumerResponse.self)
      }
      Output.line(
        "deleted \(consumer)", json: client.json ? .members(["consumer": .string(consumer)]) : nil)
    }
  }
}
