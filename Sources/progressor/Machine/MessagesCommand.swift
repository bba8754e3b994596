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

  @OptionGroup var listing: PagedListing

  func run() async throws {
    let form = PagedListing.Form<PendingMessage>(
      name: "messages", value: MessageOutput.value, header: MessageOutput.header,
      row: MessageOutput.row)
    try await listing.run(form) { client, size, token in
      let request = ListMessagesRequest(
        machineID: listing.machine.machineID, pageSize: size, pageToken: token)
      let response = try await client.call(
        MachineCommand.service, "ListMessages", request, as: ListMessagesResponse.self)
      return (response.messages, response.nextPageToken)
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
