import ArgumentParser
import MachineModel
import ProgressorProto

struct TraceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trace", abstract: "Show what happened to a machine, the newest first.",
    discussion: """
      What is recorded is an option of the namespace (`progressor namespace update \
      --trace-level`): by default starts, retries, failures, repairs and pauses, for 7 days. On a \
      terminal the columns fit its width; elsewhere tabs part them and nothing is cut. For \
      programs there is --json.
      """)

  @OptionGroup var machine: MachineOptions

  @Option(help: ArgumentHelp("Show at most so many records.", valueName: "count"))
  var limit: Int = 100

  @Flag(help: "Show all records that are kept.")
  var all = false

  mutating func validate() throws {
    if limit < 1 { throw ValidationError("--limit must be at least 1.") }
  }

  func run() async throws {
    try await Output.reportingErrors(json: machine.client.json) {
      let isJSON = machine.client.json
      var table = TraceTable(width: TextTable.terminalWidth())
      var steps: [JSONValue] = []
      let isMore = try await eachPage { page in
        if isJSON {
          steps += page.map { TraceJSON.value($0) }
        } else {
          Output.print(table.lines(page).joined(separator: "\n"))
        }
      }
      if isJSON {
        Output.print(JSONValue.members(["steps": .array(steps)]))
      } else if isMore {
        Output.printError("There are older records: --all shows them.")
      }
    }
  }

  /// Calls `body` with one page after the other; never with an empty one. Answers whether there are
  /// older records than were shown.
  private func eachPage(_ body: ([StepRecord]) -> Void) async throws -> Bool {
    try await Client.with(machine.client) { client in
      var rest = all ? Int.max : limit
      var before: Int64 = 0
      repeat {
        let request = TraceRequest(
          machineID: machine.machineID, beforeSequence: before, limit: Int32(min(rest, 1_000)))
        let response = try await client.call(
          MachineCommand.service, "Trace", request, as: TraceResponse.self)
        let steps = Array(response.steps.prefix(rest))
        if !steps.isEmpty { body(steps) }
        rest -= steps.count
        before = response.next
      } while before != 0 && rest > 0
      return before != 0
    }
  }
}
