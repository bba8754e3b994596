import ArgumentParser
import MachineModel
import ProgressorProto

struct ListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the machines of a namespace.")

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

  mutating func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
  }

  func run() async throws {
    try await Output.reportingErrors(json: client.json) {
      if client.json { try await printJSON() } else { try await printTable() }
    }
  }

  private func printTable() async throws {
    try await eachPage { machines in
      Output.print(machines.map(MachineText.row).joined(separator: "\n"))
    }
  }

  private func printJSON() async throws {
    var all: [JSONValue] = []
    try await eachPage { machines in all += machines.map { MachineJSON.value($0) } }
    Output.print(JSONValue.members(["machines": .array(all)]))
  }

  /// Calls `body` with one page after the other; never with an empty one.
  private func eachPage(_ body: ([Machine]) -> Void) async throws {
    try await Client.with(client) { client in
      var rest = limit ?? Int.max
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
