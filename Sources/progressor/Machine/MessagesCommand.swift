import ArgumentParser
import MachineModel
import ProgressorProto
import ProgressorServer

struct MessagesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "messages",
    abstract: "List what a machine has sent and nobody has got yet, by number.",
    discussion: """
      DUE is when it is to be delivered, TRIES are the attempts that failed, NEXT is when it is \
      tried next: 'never' if it can never be delivered. CODE and REASON are those of the last \
      failure.
      """)

  @OptionGroup var machine: MachineOptions

  @Option(help: ArgumentHelp("Show at most so many.", valueName: "count"))
  var limit: Int?

  mutating func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
  }

  func run() async throws {
    try await Output.reportingErrors(json: machine.client.json) {
      if machine.client.json {
        var all: [JSONValue] = []
        try await eachPage { all += $0.map(MessageOutput.value) }
        Output.print(JSONValue.members(["messages": .array(all)]))
      } else {
        var table = TextTable(header: MessageOutput.header, width: TextTable.terminalWidth())
        try await eachPage { page in
          Output.print(table.lines(page.map(MessageOutput.row)).joined(separator: "\n"))
        }
      }
    }
  }

  /// Calls `body` with one page after the other; never with an empty one.
  private func eachPage(_ body: ([PendingMessage]) -> Void) async throws {
    try await Client.with(machine.client) { client in
      var rest = limit ?? Int.max
      var token = ""
      repeat {
        let request = ListMessagesRequest(
          machineID: machine.machineID, pageSize: Int32(min(rest, 1_000)), pageToken: token)
        let response = try await client.call(
          MachineCommand.service, "ListMessages", request, as: ListMessagesResponse.self)
        let page = Array(response.messages.prefix(rest))
        if !page.isEmpty { body(page) }
        rest -= page.count
        token = response.nextPageToken
      } while !token.isEmpty && rest > 0
    }
  }
}

struct DropMessageCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drop-message",
    abstract: "Drop a message that a machine has sent: it is never delivered.",
    discussion: "While it is being delivered it cannot be dropped; try again.")

  @OptionGroup var message: MessageOptions

  func run() async throws {
    try await message.run("dropped") { machine, number in
      let request = DropMessageRequest(machineID: machine.machineID, number: number)
      _ = try await machine.call("DropMessage", request, as: DropMessageResponse.self)
    }
  }
}

struct RetryMessageCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "retry-message",
    abstract: "Deliver a message now that could never be delivered, or before its time.")

  @OptionGroup var message: MessageOptions

  func run() async throws {
    try await message.run("trying") { machine, number in
      let request = RetryMessageRequest(machineID: machine.machineID, number: number)
      _ = try await machine.call("RetryMessage", request, as: RetryMessageResponse.self)
    }
  }
}

/// What the commands about one message have in common.
struct MessageOptions: ParsableArguments {
  @OptionGroup var machine: MachineOptions

  @Argument(help: "Its number, as messages shows it.")
  var number: Int64

  mutating func validate() throws {
    if number < 1 { throw ValidationError("NUMBER must be positive.") }
  }

  /// - Parameter done: What is said of the message then.
  func run(_ done: String, _ body: (MachineOptions, Int64) async throws -> Void) async throws {
    try await Output.reportingErrors(json: machine.client.json) {
      try await body(machine, number)
      let id = machine.machineID
      Output.line(
        "\(done) message \(number) of \(id.namespace)/\(id.id)",
        json: machine.client.json
          ? .members([
            "namespace": .string(id.namespace), "id": .string(id.id), "number": .int64(number),
          ]) : nil)
    }
  }
}
