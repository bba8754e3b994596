import ArgumentParser
import MachineModel
import ProgressorProto
import ProgressorServer

struct FailuresCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "failures", abstract: "Show who fails and why: failed machines by their cause.",
    discussion: """
      A cause is a namespace, code, step and reason. SINCE is when the first of its machines \
      failed, LAST when the newest did, which is EXAMPLE. The most frequent come first; beyond \
      1,000 causes all others are one row. Namespaces that you may not read are left out; one \
      that turns out so is named on standard error, with --json in `leftOut`.
      """)

  @OptionGroup var client: ClientOptions

  @Option(
    name: [.customShort("n"), .long],
    help: ArgumentHelp("Only this namespace; default: all.", valueName: "name"))
  var namespace: String?

  @Option(
    help: ArgumentHelp(
      "Only machines that failed since then: 2026-11-25T08:30:00Z, or 2h ago.",
      valueName: "time"))
  var failedSince: String?

  mutating func validate() throws {
    if namespace?.isEmpty == true { throw ValidationError("--namespace must not be empty.") }
    if let failedSince, PointInTime.read(failedSince, now: .latest) == nil {
      throw ValidationError(
        "--failed-since must be a time such as 2026-11-25T08:30:00Z, or a duration such as 2h.")
    }
  }

  func run() async throws {
    try await Output.reportingErrors(json: client.json) {
      var causes = FailureCauses()
      let leftOut = try await Client.with(client) { try await read($0, &causes) }
      if client.json { return Output.print(FailuresOutput.value(causes, leftOut: leftOut)) }
      Output.print(
        FailuresOutput.lines(causes, width: TextTable.terminalWidth()).joined(separator: "\n"))
      for name in leftOut { Output.printError("left out, since you may not read it: \(name)") }
    }
  }

  /// Returns the namespaces that the caller may not read.
  private func read(
    _ client: Client, _ causes: inout FailureCauses
  ) async throws(ClientFailure) -> [String] {
    // The same on each page: a token is good for one list.
    let since = failedSince.flatMap { PointInTime.read($0, now: NodeClock().now().wall) }
    if let namespace {
      try await read(namespace, since: since, client, &causes)
      return []
    }
    let namespaces = try await client.call(
      NamespaceCommand.service, "List", ListNamespacesRequest(), as: ListNamespacesResponse.self
    ).namespaces.map(\.name)
    var leftOut: [String] = []
    for name in namespaces {
      do throws(ClientFailure) {
        try await read(name, since: since, client, &causes)
      } catch {
        switch error.status.code {
        // It was deleted meanwhile.
        case .notFound: break
        case .permissionDenied where leftOut.count + 1 < namespaces.count: leftOut.append(name)
        // There is nothing else to show.
        default: throw error
        }
      }
    }
    return leftOut
  }

  private func read(
    _ namespace: String, since: Timestamp?, _ client: Client, _ causes: inout FailureCauses
  ) async throws(ClientFailure) {
    var token = ""
    repeat {
      let request = ListRequest(
        namespace: namespace, statusFilter: .failed, pageSize: 1_000, pageToken: token,
        failedSince: since)
      let page = try await client.call(
        MachineCommand.service, "List", request, as: ListResponse.self)
      for machine in page.machines { causes.add(machine) }
      token = page.nextPageToken
    } while !token.isEmpty
  }
}
