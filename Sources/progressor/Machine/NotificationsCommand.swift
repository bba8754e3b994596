import ArgumentParser
import MachineModel
import ProgressorProto
import ProgressorServer

struct NotificationsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "notifications",
    abstract: "List the notifications that wait on a machine, in order of delivery.",
    discussion: """
      TRIES are the attempts that failed, NEXT is when it is tried again; CODE and REASON are \
      those of the last failure. Only the first one is tried: those behind it wait for it.
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
        try await eachPage { all += $0.map(NotificationOutput.value) }
        Output.print(JSONValue.members(["notifications": .array(all)]))
      } else {
        var table = TextTable(header: NotificationOutput.header, width: TextTable.terminalWidth())
        try await eachPage { page in
          Output.print(table.lines(page.map(NotificationOutput.row)).joined(separator: "\n"))
        }
      }
    }
  }

  /// Calls `body` with one page after the other; never with an empty one.
  private func eachPage(_ body: ([PendingNotification]) -> Void) async throws {
    try await Client.with(machine.client) { client in
      var rest = limit ?? Int.max
      var token = ""
      repeat {
        let request = ListNotificationsRequest(
          machineID: machine.machineID, pageSize: Int32(min(rest, 1_000)), pageToken: token)
        let response = try await client.call(
          MachineCommand.service, "ListNotifications", request, as: ListNotificationsResponse.self)
        let page = Array(response.notifications.prefix(rest))
        if !page.isEmpty { body(page) }
        rest -= page.count
        token = response.nextPageToken
      } while !token.isEmpty && rest > 0
    }
  }
}

struct DropNotificationCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drop-notification",
    abstract: "Drop a notification that waits on a machine: it is never delivered.",
    discussion: """
      The one that is being delivered is waited for; if its delivery succeeds, there is nothing \
      left to drop. What waits behind it goes on at once.
      """)

  @OptionGroup var machine: MachineOptions

  @Argument(help: "The id that notify printed.")
  var notification: String

  mutating func validate() throws {
    do { try MachineID.validate(notification, field: "NOTIFICATION") } catch {
      throw ValidationError(error.message)
    }
  }

  func run() async throws {
    try await Output.reportingErrors(json: machine.client.json) {
      let request = DropNotificationRequest(
        machineID: machine.machineID, notificationID: notification)
      _ = try await machine.call(
        "DropNotification", request, as: DropNotificationResponse.self)
      Output.line(
        "dropped \(notification) of \(machine.machineID.namespace)/\(machine.machineID.id)",
        json: machine.client.json
          ? .members([
            "namespace": .string(machine.machineID.namespace),
            "id": .string(machine.machineID.id), "notificationId": .string(notification),
          ]) : nil)
    }
  }
}
