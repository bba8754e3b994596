import ArgumentParser
import GRPC
import MachineModel
import ProgressorProto
import ProgressorServer

struct ListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the machines of a namespace.",
    discussion: """
      QUEUED are notifications that wait. TIME is when a machine failed, when it is tried next, \
      since when it is paused, or when its timer is due; CODE, REASON and STEP are those of the \
      failure, BY is who asked for that step, or for the pause. Late are machines with something \
      due for 10 s or more that does not run. On a terminal the columns fit its width, and STEP \
      and BY are shown if it has 120 columns; elsewhere tabs part them and nothing is cut. For \
      programs there is --json.
      """)

  /// The words of `--status`.
  enum Status: String, ExpressibleByArgument, CaseIterable {
    case any, working, retrying, failed, paused, late

    var filter: StatusFilter {
      switch self {
      case .any: .any
      case .working: .working
      case .retrying: .retrying
      case .failed: .failed
      case .paused: .paused
      case .late: .late
      }
    }
  }

  @OptionGroup var client: ClientOptions
  @OptionGroup var namespace: NamespaceOption

  @Option(help: "Only machines of this status; working includes retrying.")
  var status: Status = .any

  @Flag(help: "The same as --status late.")
  var late = false

  @Option(
    help: ArgumentHelp(
      "Only machines that failed since then: 2026-11-25T08:30:00Z, or 2h ago.",
      valueName: "time"))
  var failedSince: String?

  @Option(
    help: ArgumentHelp(
      "Only machines that failed with this gRPC code: INTERNAL, or 13.", valueName: "code"))
  var failedCode: String?

  @Option(help: ArgumentHelp("Only ids that begin so.", valueName: "text"))
  var prefix = ""

  @Option(help: ArgumentHelp("Show at most so many machines.", valueName: "count"))
  var limit: Int?

  @Flag(
    help: """
      Count the machines instead of showing them: by status, or those that the other options \
      select, up to --limit, by default 100,000. A + says that there are more.
      """)
  var count = false

  /// What `--count` reads at most when nobody says.
  private static let countedAtMost = 100_000

  mutating func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
    if late, status != .any, status != .late {
      throw ValidationError("--late and --status \(status.rawValue) exclude each other.")
    }
    if let failedSince, PointInTime.read(failedSince, now: .latest) == nil {
      throw ValidationError(
        "--failed-since must be a time such as 2026-11-25T08:30:00Z, or a duration such as 2h.")
    }
    if failedCode != nil, code == nil {
      throw ValidationError("--failed-code must be a gRPC status code: its name, or 0 to 16.")
    }
  }

  private var code: Int32? {
    guard let failedCode else { return nil }
    if let number = Int32(failedCode) { return Code(rawValue: number)?.rawValue }
    return StatusCode.allCases.first { $0.name == failedCode.uppercased() }
      .map { Int32($0.rawValue) }
  }

  private var filter: StatusFilter { late ? .late : status.filter }

  /// Nothing but the namespace says what is counted.
  private var countsAll: Bool {
    limit == nil && filter == .any && prefix.isEmpty && failedSince == nil && failedCode == nil
  }

  func run() async throws {
    try await Output.reportingErrors(json: client.json) {
      if count, countsAll {
        try await printCounts()
      } else if count {
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

  private func printCounts() async throws {
    let response = try await Client.with(client) { client in
      try await client.call(
        MachineCommand.service, "Count", CountRequest(namespace: namespace.name),
        as: CountResponse.self)
    }
    if client.json { return Output.print(CountOutput.value(response.counts)) }
    Output.print(
      CountOutput.lines(response.counts, width: TextTable.terminalWidth())
        .joined(separator: "\n"))
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
    // The same on each page: a token is good for one list.
    let since = failedSince.flatMap { PointInTime.read($0, now: NodeClock().now().wall) }
    try await Client.with(client) { client in
      var rest = count ?? limit ?? Int.max
      var token = ""
      repeat {
        let request = ListRequest(
          namespace: namespace.name, statusFilter: filter, idPrefix: prefix,
          pageSize: Int32(min(rest, 1_000)), pageToken: token, failedSince: since,
          failedCode: code)
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
