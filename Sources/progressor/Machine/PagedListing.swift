import ArgumentParser
import MachineModel
import ProgressorProto

/// What the commands have in common that list what waits on a machine, page by page.
struct PagedListing: ParsableArguments {
  @OptionGroup var machine: MachineOptions

  @Option(help: ArgumentHelp("Show at most so many.", valueName: "count"))
  var limit: Int?

  mutating func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
  }

  /// How the elements are shown.
  struct Form<Element> {
    /// The member of the JSON object that has them.
    let name: String
    let value: (Element) -> JSONValue
    let header: [TerminalText]
    let row: (Element) -> [TerminalText]
  }

  /// - Parameter page: Asks for a page of so many, by the token of the one before.
  func run<Element>(
    _ form: Form<Element>, _ page: (Client, Int32, String) async throws -> ([Element], String)
  ) async throws {
    try await Output.reportingErrors(json: machine.client.json) {
      if machine.client.json {
        var all: [JSONValue] = []
        try await eachPage(page) { all += $0.map(form.value) }
        Output.print(JSONValue.members([form.name: .array(all)]))
      } else {
        var table = TextTable(header: form.header, width: TextTable.terminalWidth())
        try await eachPage(page) { elements in
          Output.print(table.lines(elements.map(form.row)).joined(separator: "\n"))
        }
      }
    }
  }

  /// Calls `body` with one page after the other; never with an empty one.
  private func eachPage<Element>(
    _ page: (Client, Int32, String) async throws -> ([Element], String),
    _ body: ([Element]) -> Void
  ) async throws {
    try await Client.with(machine.client) { client in
      var rest = limit ?? Int.max
      var token = ""
      repeat {
        let (elements, next) = try await page(client, Int32(min(rest, 1_000)), token)
        let some = Array(elements.prefix(rest))
        if !some.isEmpty { body(some) }
        rest -= some.count
        token = next
      } while !token.isEmpty && rest > 0
    }
  }
}
