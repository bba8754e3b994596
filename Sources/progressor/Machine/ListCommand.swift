import ArgumentParser
import MachineModel
import ProgressorProto

struct ListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the machines of a namespace.",
    discussion: """
      TIME is when a machine failed, when it is tried next, since when it is paused, or when its \
      timer is due; CODE and REASON are those of the failure. On a terminal the columns fit its \
      width; elsewhere tabs part them and nothing is cut. For programs there is --json.
      """)

  /// The words of `--status`.
  enum Status: String, ExpressibleByArgument, CaseIterable {
    case any, working, retrying, failed, paused

    var filter: StatusFilter {
      switch self {
      case .any: .any
      case .working: .working
      case .retrying: .retrying
      case .failed: .failed
      case .paused: .paused
      }
    }
  }

  @OptionGroup var client: ClientOptions
  @OptionGroup var namespace: NamespaceOption

  @Option(help: "Only machines of this status; working includes retrying.")
  var status: Status = .any

  @Option(help: ArgumentHelp("Only ids that begin so.", valueName: "text"))
  var prefix = ""

  @Option(help: ArgumentHelp("Show at most so many machines.", valueName: "count"))
  var limit: Int?

  @Flag(
    help: """
      Count the machines instead of showing them, up to --limit, by default 100,000; a + says that \
      there are more.
      """)
  var count = false

  /// What `--count` reads at most when nobody says.
  private static let countedAtMost = 100_000

  mutating func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
  }

  func run() async throws {
    try await Output.reportingErrors(json: client.json) {
      if count {
        try await printCount()
      } else if client.json {
        try await printJSON()
      } else {
        try await printTable()
      }
    }
  }

  private func printTable() async throws {
    var table = MachineTable(width: TextTable.terminalWidth())
    try await eachPage { machines in
      Output.print(table.lines(machines).joined(separator: "\n"))
    }
  }

  private func printCount() async throws {
    let most = limit ?? Self.countedAtMost
    var found = 0
    // One more than is counted tells whether there are more.
    try await eachPage(atMost: most == .max ? most : most + 1) { found += $0.count }
    let counted = min(found, most)
    Output.line(
      "\(counted)\(found > most ? "+" : "")",
      json: client.json
        ? .members(["count": .int64(Int64(counted)), "more": .bool(found > most)]) : nil)
  }

  private func printJSON() async throws {
    var all: [JSONValue] = []
    try await eachPage { machines in all += machines.map { MachineJSON.value($0) } }
    Output.print(JSONValue.members(["machines": .array(all)]))
  }

  /// Calls `body` with one page after the other; never with an empty one.
  ///
  /// - Parameter count: Of how many machines; nil = `--limit`.
  private func eachPage(
    atMost count: Int? = nil, _ body: ([Machine]) -> Void
  ) async throws {
    try await Client.with(client) { client in
      var rest = count ?? limit ?? Int.max
      var token = ""
      repeat {
        let request = ListRequest(
          namespace: namespace.name, statusFilter: status.filter, idPrefix: prefix,
          pageSize: Int32(min(rest, 1_000)), pageToken: token)
        let response = try await client.call(
          MachineCommand.service, "List", request, as: ListResponse.self)
        let machines = Array(response.machines.prefix(rest))
        if !machines.isEmpty { body(machines) }
        rest -= machines.count
        token = response.nextPageToken
      } while !token.isEmpty && rest > 0
    }
  }
}
