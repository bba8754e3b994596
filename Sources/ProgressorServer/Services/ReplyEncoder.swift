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
  /// - Parameter list: What was listed, for `listed` replies.
  func encode(_ reply: Reply, list: ListScope?) throws(ProgressorError) -> ByteBuffer {
    let buffer: ByteBuffer? =
      switch reply {
      case .started: StartResponse().buffer()
      case .called(let response):
        CallResponse(response: response).buffer(limit: maximumMessageBytes)
      case .notified(let id): NotifyResponse(notificationID: id).buffer()
      case .repaired(let response):
        RepairResponse(response: response).buffer(limit: maximumMessageBytes)
      case .simplyRepaired: SimpleRepairResponse().buffer()
      case .removed: RemoveResponse().buffer()
      case .paused: PauseResponse().buffer()
      case .resumed: ResumeResponse().buffer()
      case .quiet: ByteBuffer()
      case .machine(let machine):
        GetResponse(machine: machine).buffer(limit: maximumMessageBytes)
      case .listed(let machines, let last): page(machines, last: last, list)
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
    case .started, .called, .notified, .repaired, .simplyRepaired, .removed, .paused, .resumed,
      .quiet, .error:
      nil
    }
  }

  /// About the bytes of events, never less.
  private static func size(_ history: [Event]) -> Int {
    history.reduce(0) { $0 + 64 + $1.body.data.count }
  }

  /// As many of the machines as fit into one message, at least one. nil = not even that one fits.
  private func page(_ machines: [Machine], last: String?, _ list: ListScope?) -> ByteBuffer? {
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

  /// About the bytes of a machine without history, never less.
  private static func size(_ machine: Machine) -> Int {
    var bytes = 256 + machine.machineID.namespace.utf8.count + machine.machineID.id.utf8.count
    bytes += machine.auxState?.data.count ?? 0
    bytes += machine.pause?.reason.utf8.count ?? 0
    switch machine.status {
    case .working(let retrying): bytes += retrying?.lastMessage.utf8.count ?? 0
    case .failed(let failure): bytes += failure.reason.utf8.count
    }
    return bytes
  }
}
