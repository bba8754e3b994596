import GRPC
import MachineModel
import ProgressorEngine
import ProgressorProto

/// Takes the payloads out of what somebody may not see all of, and counts them. Ids, times,
/// formats, statuses and reasons stay.
struct HiddenPayloads {
  /// The bytes that were taken out.
  private(set) var bytes = 0

  /// What the answer's metadata says of them.
  var metadata: Metadata {
    var metadata = Metadata()
    // The name and a number are valid metadata.
    try? metadata.append("progressor-hidden-bytes", text: String(bytes))
    return metadata
  }

  mutating func hide(in reply: Reply) -> Reply {
    switch reply {
    case .called(let response): .called(response: hidden(response))
    case .repaired(let response): .repaired(response: hidden(response))
    case .machine(let machine): .machine(hide(in: machine))
    case .watched(let machine, let mark): .watched(hide(in: machine), mark)
    case .listed(let machines, let last): .listed(machines.map { hide(in: $0) }, last: last)
    case .notifications(let page): .notifications(hide(in: page))
    case .messages(let page): .messages(hide(in: page))
    // What is recorded of steps has no payloads.
    case .started, .notified, .done, .quiet, .counted, .traced, .error:
      reply
    }
  }

  mutating func hide(in job: RepairJob) -> RepairJob {
    guard case .processor(let args) = job.spec.method else { return job }
    var job = job
    job.spec.method = .processor(args: hidden(args))
    return job
  }

  mutating func hide(in message: WatchResponse) -> WatchResponse {
    switch message {
    case .machine(let machine): .machine(hide(in: machine))
    case .event(let event): .event(hide(in: event))
    case .heartbeat: message
    }
  }

  mutating func hide(in entry: FeedEntry) -> FeedEntry {
    guard case .event(let event) = entry.note.change else { return entry }
    var entry = entry
    entry.note.change = .event(hide(in: event))
    return entry
  }

  /// What another answer to the same call hides counts, too.
  mutating func add(_ other: HiddenPayloads) { bytes += other.bytes }

  private mutating func hide(in event: Event) -> Event {
    var event = event
    event.body.data = hidden(event.body.data)
    return event
  }

  private mutating func hide(in machine: Machine) -> Machine {
    var machine = machine
    machine.history = machine.history.map { hide(in: $0) }
    if let auxState = machine.auxState { machine.auxState?.data = hidden(auxState.data) }
    return machine
  }

  private mutating func hide(in page: NotificationPage) -> NotificationPage {
    var page = page
    for index in page.notifications.indices {
      page.notifications[index].args = hidden(page.notifications[index].args)
    }
    return page
  }

  private mutating func hide(in page: MessageListPage) -> MessageListPage {
    var page = page
    for index in page.messages.indices {
      switch page.messages[index].message.kind {
      case .start(let args, let ignoresExisting):
        page.messages[index].message.kind = .start(
          args: hidden(args), ignoresExisting: ignoresExisting)
      case .notify(let args): page.messages[index].message.kind = .notify(args: hidden(args))
      }
    }
    return page
  }

  private mutating func hidden(_ payload: [UInt8]) -> [UInt8] {
    bytes += payload.count
    return []
  }
}
