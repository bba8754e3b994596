import MachineModel

/// What a step writes. How it becomes a record, and what it makes of the machine in memory once it
/// is durable, is the same for all steps.
enum Change {
  /// Nothing but the reply, under the request's key; without a key nothing at all.
  case nothing(MachineKey, Outgoing = Outgoing())
  /// A machine begins, or comes from elsewhere.
  case created(Changed, queue: [QueuedNotification] = [])
  case updated(Changed, queue: QueueChange = .keep)
  /// The row's pause begins or ends, and its due time follows; nothing else of it changes.
  case paused(MachineRow)
  /// The machine is gone, with everything that hangs on it but the messages that are due. The
  /// events are its last ones: only the feed has them.
  case removed(MachineRow, events: [Event] = [], Outgoing = Outgoing())
  /// It fails, and what of it is in the database cannot be read.
  case condemned(MachineRow, Failure)
}

/// A machine as a step makes it. Version and due time of the row are set when it is written.
struct Changed {
  var row: MachineRow
  var events: [Event] = []
  var auxChanged = false
  var messages = Outgoing()
  /// For what it takes in memory until it is written.
  var charge: Charge?

  init(_ row: MachineRow) { self.row = row }
}

/// What happens to the machine's queue of notifications with a step.
enum QueueChange {
  case keep
  /// Its head is delivered.
  case delivered
  /// One of them is taken out, undelivered.
  case dropped(DroppedNotification)
  /// Its head has another retry state.
  case rescheduled(QueuedNotification)
  /// A machine comes with its queue.
  case arrived([QueuedNotification])
}

extension QueueChange {
  /// The queue has one less.
  var takesOneOut: Bool {
    switch self {
    case .delivered, .dropped: true
    case .keep, .rescheduled, .arrived: false
    }
  }

  /// And that is its head.
  var takesHeadOut: Bool {
    switch self {
    case .delivered: true
    case .dropped(let notification): notification.isHead
    case .keep, .rescheduled, .arrived: false
    }
  }
}
