import GRPC
import MachineModel
import NIOCore
import ProgressorEngine
import ProgressorProto

/// Replies of the engine as messages of the contract.
struct ReplyEncoder {
  /// The largest message that may be sent.
  let maximumMessageBytes: Int

  /// The message for a reply, or why there is none.
  ///
  /// - Parameter list: What was listed, for `listed` and `notifications` replies.
  func encode(_ reply: Reply, list: (any PageScope)?) throws(ProgressorError) -> ByteBuffer {
    let buffer: ByteBuffer? =
      switch reply {
      case .started: StartResponse().buffer()
      // What StartOrCall and StartOrNotify answer has the same bytes.
      case .called(let response):
        CallResponse(response: response).buffer(limit: maximumMessageBytes)
      case .notified(let id): NotifyResponse(notificationID: id).buffer()
      case .repaired(let response):
        RepairResponse(response: response).buffer(limit: maximumMessageBytes)
      // Whatever the response is called: it has no fields.
      case .done: ByteBuffer()
      // Nobody who asks for these is answered here.
      case .quiet, .watched: ByteBuffer()
      case .machine(let machine):
        GetResponse(machine: machine).buffer(limit: maximumMessageBytes)
      case .listed(let machines, let last): page(machines, last: last, list)
      case .traced(let steps, let next): page(steps, next: next)
      case .counted(let counts): CountResponse(counts: counts).buffer()
      case .notifications(let found): try page(found, list)
      case .messages(let found): try page(found, list)
      case .error(let error): throw error
      }
    guard let buffer else {
      throw ProgressorError(
        .resourceExhausted, .historyTooLarge,
        "the reply exceeds \(maximumMessageBytes) bytes: ask for less by history_range or page_size"
      )
    }
    return buffer
  }

  /// About the bytes of what Get or List read, never less than the message has; nil = the reply
  /// tells of something that was done, or is short.
  func size(ofRead reply: Reply) -> Int? {
    switch reply {
    case .machine(let machine):
      min(maximumMessageBytes, ReplyEncoder.size(machine) + ReplyEncoder.size(machine.history))
    case .listed(let machines, _):
      min(maximumMessageBytes, machines.reduce(1_024) { $0 + ReplyEncoder.size($1) })
    case .traced(let steps, _):
      min(maximumMessageBytes, steps.reduce(1_024) { $0 + ReplyEncoder.size($1) })
    case .notifications(let page):
      min(maximumMessageBytes, page.notifications.reduce(1_024) { $0 + ReplyEncoder.size($1) })
    case .messages(let page):
      min(maximumMessageBytes, page.messages.reduce(1_024) { $0 + ReplyEncoder.size($1) })
    case .started, .called, .notified, .repaired, .done, .quiet, .watched, .counted, .error:
      nil
    }
  }

  /// About the bytes of events, never less.
  private static func size(_ history: [Event]) -> Int {
    history.reduce(0) { $0 + 64 + $1.body.data.count }
  }

  /// As many of the machines as fit into one message, at least one. nil = not even that one fits.
  private func page(
    _ machines: [Machine], last: String?, _ list: (any PageScope)?
  ) -> ByteBuffer? {
    var bytes = 1_024
    var count = 0
    for machine in machines {
      bytes += ReplyEncoder.size(machine)
      if bytes > maximumMessageBytes, count > 0 { break }
      count += 1
    }
    let next = count < machines.count ? machines[count - 1].machineID.id : last
    var token = ""
    if let next, let list { token = PageToken.make(after: next, of: list) }
    return ListResponse(machines: Array(machines.prefix(count)), nextPageToken: token)
      .buffer(limit: maximumMessageBytes)
  }

  /// As many of the records as fit into one message, at least one. nil = not even that one fits.
  private func page(_ steps: [StepRecord], next: Int64) -> ByteBuffer? {
    var bytes = 1_024
    var count = 0
    for step in steps {
      bytes += ReplyEncoder.size(step)
      if bytes > maximumMessageBytes, count > 0 { break }
      count += 1
    }
    return TraceResponse(
      steps: Array(steps.prefix(count)),
      next: count < steps.count ? steps[count - 1].sequence : next
    ).buffer(limit: maximumMessageBytes)
  }

  /// About the bytes of a record, never less.
  private static func size(_ step: StepRecord) -> Int {
    192 + step.step.utf8.count + step.message.utf8.count + (step.principal?.utf8.count ?? 0)
  }

  /// As many of the notifications as fit into one message, at least one.
  private func page(
    _ page: NotificationPage, _ list: (any PageScope)?
  ) throws(ProgressorError) -> ByteBuffer {
    var bytes = 1_024
    var count = 0
    for notification in page.notifications {
      bytes += ReplyEncoder.size(notification)
      if bytes > maximumMessageBytes, count > 0 { break }
      count += 1
    }
    var token = ""
    if count > 0, count < page.notifications.count || page.hasMore, let list {
      token = PageToken.make(after: String(page.sequences[count - 1]), of: list)
    }
    let shown = page.notifications.prefix(count)
    let response = ListNotificationsResponse(notifications: Array(shown), nextPageToken: token)
    if let buffer = response.buffer(limit: maximumMessageBytes) { return buffer }
    throw ProgressorError(
      .resourceExhausted, .historyTooLarge,
      "notification \(shown.first?.notificationID ?? "") does not fit into "
        + "\(maximumMessageBytes) bytes with what is told of it")
  }

  /// As many of the messages as fit into one message, at least one.
  private func page(
    _ page: MessageListPage, _ list: (any PageScope)?
  ) throws(ProgressorError) -> ByteBuffer {
    var bytes = 1_024
    var count = 0
    for message in page.messages {
      bytes += ReplyEncoder.size(message)
      if bytes > maximumMessageBytes, count > 0 { break }
      count += 1
    }
    var token = ""
    if count > 0, count < page.messages.count || page.hasMore, let list {
      token = PageToken.make(after: String(page.messages[count - 1].number), of: list)
    }
    let shown = page.messages.prefix(count)
    let response = ListMessagesResponse(messages: Array(shown), nextPageToken: token)
    if let buffer = response.buffer(limit: maximumMessageBytes) { return buffer }
    throw ProgressorError(
      .resourceExhausted, .historyTooLarge,
      "message \(shown.first?.number ?? 0) does not fit into \(maximumMessageBytes) bytes with "
        + "what is told of it")
  }

  /// About the bytes of a message with what is told of it, never less.
  private static func size(_ pending: PendingMessage) -> Int {
    let (message, target) = (pending.message, pending.message.target)
    return 256 + target.namespace.utf8.count + target.id.utf8.count + message.args.count
      + (message.name?.utf8.count ?? 0) + pending.lastReason.utf8.count
  }

  /// About the bytes of a notification, never less.
  private static func size(_ notification: PendingNotification) -> Int {
    128 + notification.notificationID.utf8.count + notification.args.count
      + notification.lastMessage.utf8.count
  }

  /// About the bytes of a machine without history, never less.
  private static func size(_ machine: Machine) -> Int {
    var bytes = 320 + machine.machineID.namespace.utf8.count + machine.machineID.id.utf8.count
    bytes += machine.auxState?.data.count ?? 0
    if let pause = machine.pause {
      bytes += pause.reason.utf8.count + (pause.principal?.utf8.count ?? 0)
    }
    switch machine.status {
    case .working(let retrying): bytes += retrying?.lastMessage.utf8.count ?? 0
    case .failed(let failure):
      bytes += failure.reason.utf8.count + failure.step.utf8.count
      bytes += failure.principal?.utf8.count ?? 0
    }
    return bytes
  }
}
