import CProgressorProto
import CProtobufC
import MachineModel

extension PortableMachine: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__MachineHead>?) -> Void {
    progressor__v1__machine_head__init
  }

  init(_ message: Progressor__V1__MachineHead) throws(ProtobufError) {
    self.init(
      id: try message.id.identifier("id"),
      createdAt: try Timestamp.require(message.created_at, "created_at"),
      since: try Timestamp.read(message.since, "since"),
      failure: try Failure.read(message.failed, "failed"),
      pause: try Pause.read(message.paused, "paused"),
      auxState: try Content.read(message.aux_state, "aux_state"),
      timer: try PortableTimer.read(message.timer, "timer"), lastEventID: message.last_event_id,
      queuedNotifications: message.queued_notifications,
      waitingFor: try message.waiting_for.optionalText("waiting_for"))
    try message.waiting_for.check(atMost: StateChange.maximumWaitingForBytes, "waiting_for")
    // What the model would cut off is refused.
    if let failed = message.failed?.pointee {
      try failed.reason.check(atMost: Failure.maximumReasonBytes, "failed.reason")
    }
    if let paused = message.paused?.pointee {
      try paused.reason.check(atMost: Pause.maximumReasonBytes, "paused.reason")
      try paused.principal.check(
        atMost: CallerContext.maximumPrincipalBytes, "paused.principal")
    }
  }

  func fill(_ message: inout Progressor__V1__MachineHead, in arena: inout ProtobufArena) {
    message.id = arena.make(id)
    message.created_at = arena.make(createdAt)
    message.since = arena.make(since)
    message.failed = arena.make(failure)
    message.paused = arena.make(pause)
    message.aux_state = arena.make(auxState)
    message.timer = arena.make(timer)
    message.last_event_id = lastEventID
    message.queued_notifications = queuedNotifications
    message.waiting_for = arena.make(waitingFor ?? "")
  }
}

extension PortableTimer: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__MachineTimer>?) -> Void {
    progressor__v1__machine_timer__init
  }

  init(_ message: Progressor__V1__MachineTimer) throws(ProtobufError) {
    self.init(
      firesAt: try Timestamp.require(message.fires_at, "fires_at"),
      historyRange: try HistoryRange.read(message.history_range, "history_range"),
      processingTimeout: try ProtobufDuration.read(
        message.processing_timeout, "processing_timeout", atLeast: 1),
      metadata: try CallerContext.Entry.readAll(
        message.metadata, count: message.n_metadata, "metadata"),
      retry: try RetryState.read(message.attempts, "attempts"))
  }

  func fill(_ message: inout Progressor__V1__MachineTimer, in arena: inout ProtobufArena) {
    message.fires_at = arena.make(firesAt)
    message.history_range = arena.make(historyRange)
    message.processing_timeout = arena.make(microseconds: processingTimeout)
    message.metadata = arena.makeAll(metadata)
    message.n_metadata = metadata.count
    message.attempts = arena.make(retry)
  }
}

extension PortableNotification: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__MachineNotification>?) -> Void {
    progressor__v1__machine_notification__init
  }

  init(_ message: Progressor__V1__MachineNotification) throws(ProtobufError) {
    self.init(
      acceptedAt: try Timestamp.require(message.accepted_at, "accepted_at"),
      args: message.args.bytes,
      historyRange: try HistoryRange.read(message.history_range, "history_range"),
      metadata: try CallerContext.Entry.readAll(
        message.metadata, count: message.n_metadata, "metadata"),
      retry: try RetryState.read(message.attempts, "attempts"))
  }

  func fill(_ message: inout Progressor__V1__MachineNotification, in arena: inout ProtobufArena) {
    message.accepted_at = arena.make(acceptedAt)
    message.args = arena.refer(to: args)
    message.history_range = arena.make(historyRange)
    message.metadata = arena.makeAll(metadata)
    message.n_metadata = metadata.count
    message.attempts = arena.make(retry)
  }
}

extension CallerContext.Entry: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__MetadataEntry>?) -> Void {
    progressor__v1__metadata_entry__init
  }

  init(_ message: Progressor__V1__MetadataEntry) throws(ProtobufError) {
    self.init(name: try message.name.text("name"), value: try message.value.text("value"))
  }

  func fill(_ message: inout Progressor__V1__MetadataEntry, in arena: inout ProtobufArena) {
    message.name = arena.make(name)
    message.value = arena.make(value)
  }
}

extension RetryState: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__AttemptState>?) -> Void {
    progressor__v1__attempt_state__init
  }

  init(_ message: Progressor__V1__AttemptState) throws(ProtobufError) {
    try message.last_message.check(atMost: RetryState.maximumMessageBytes, "last_message")
    self.init(
      attempt: message.attempt,
      nextAttemptAt: try Timestamp.require(message.next_attempt_at, "next_attempt_at"),
      lastCode: message.last_code, lastMessage: try message.last_message.text("last_message"))
  }

  func fill(_ message: inout Progressor__V1__AttemptState, in arena: inout ProtobufArena) {
    message.attempt = attempt
    message.next_attempt_at = arena.make(nextAttemptAt)
    message.last_code = lastCode
    message.last_message = arena.make(lastMessage)
  }
}

extension ProtobufCBinaryData {
  fileprivate func check(atMost bytes: Int, _ field: String) throws(ProtobufError) {
    if len > bytes { throw .invalid(field, "is longer than \(bytes) bytes") }
  }
}
