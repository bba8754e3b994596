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

  @OptionGroup var listing: PagedListing

  func run() async throws {
    let form = PagedListing.Form<PendingNotification>(
      name: "notifications", value: NotificationOutput.value, header: NotificationOutput.header,
      row: NotificationOutput.row)
    try await listing.run(form) { client, size, token in
      let request = ListNotificationsRequest(
        machineID: listing.machine.machineID, pageSize: size, pageToken: token)
      let response = try await client.call(
        MachineCommand.service, "ListNotifications", request, as: ListNotificationsResponse.self)
      return (response.notifications, response.nextPageToken)
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
