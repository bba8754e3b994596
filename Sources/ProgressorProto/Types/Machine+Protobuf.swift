import CProgressorProto
import MachineModel

extension Machine: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__Machine>?) -> Void {
    progressor__v1__machine__init
  }

  static var budget: DecodingBudget { .machine }

  init(_ message: Progressor__V1__Machine) throws(ProtobufError) {
    self.init(
      machineID: MachineID(
        namespace: try message.namespace_.text("namespace"), id: try message.id.text("id")),
      history: try Event.readAll(message.history, count: message.n_history, "history"),
      historyRange: try HistoryRange.read(message.history_range, "history_range") ?? .all,
      status: try MachineStatus.require(message.status, "status"),
      auxState: try Content.read(message.aux_state, "aux_state"),
      timer: try Timestamp.read(message.timer, "timer"), lastEventID: message.last_event_id,
      createdAt: try Timestamp.require(message.created_at, "created_at"),
      pause: try Pause.read(message.paused, "paused"),
      since: try Timestamp.read(message.since, "since"))
    queuedNotifications = message.queued_notifications
    if message.waiting_on.rawValue != 0 {
      waiting = Waiting(
        on: try WaitingOn(message.waiting_on.rawValue, "waiting_on"),
        since: try Timestamp.require(message.waiting_since, "waiting_since"))
    }
    waitingFor = try message.waiting_for.optionalText("waiting_for")
    pendingMessages = message.pending_messages
    undeliveredMessages = message.undelivered_messages
  }

  func fill(_ message: inout Progressor__V1__Machine, in arena: inout ProtobufArena) {
    message.namespace_ = arena.make(machineID.namespace)
    message.id = arena.make(machineID.id)
    message.history = arena.makeAll(history)
    message.n_history = history.count
    message.history_range = arena.make(historyRange)
    message.status = arena.make(status)
    message.aux_state = arena.make(auxState)
    message.timer = arena.make(timer)
    message.last_event_id = lastEventID
    message.created_at = arena.make(createdAt)
    message.paused = arena.make(pause)
    message.since = arena.make(since)
    message.queued_notifications = queuedNotifications
    if let waiting {
      message.waiting_on = Progressor__V1__WaitingOn(
        rawValue: UInt32(bitPattern: waiting.on.rawValue))
      message.waiting_since = arena.make(waiting.since)
    }
    message.waiting_for = arena.make(waitingFor ?? "")
    message.pending_messages = pendingMessages
    message.undelivered_messages = undeliveredMessages
  }
}
