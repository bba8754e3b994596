import MachineModel

/// The step that a machine takes at present; there is at most one.
struct RunningStep {
  /// Each phase is followed by the next, or by the step's end.
  enum Phase: Equatable {
    /// Rows are being read.
    case loading(LoadID)
    /// It waits for its turn among the steps of its namespace.
    case gated
    /// The processor works on it. Only now it can no longer be dropped.
    case invoking(attempt: Int32)
    /// Its record is in a batch, or waits for one.
    case committing
  }

  let id: StepID
  let item: Mailbox.Item
  let operation: any StepOperation
  /// What is asked, for a step that a request made; it outlives the caller's patience.
  let request: Request?
  let key: (key: String, fingerprint: [UInt8])?
  var phase: Phase?

  /// The history that it shows, fixed when it is read: defaults may change meanwhile.
  var range: HistoryRange?
  /// What was read for it.
  var history: [Event]?
  /// The load that runs brings it.
  var loadsHistory = false
  /// The load that runs, or was the last, brings the next page of notifications: so many were
  /// queued when it was sent.
  var notificationsBeforeLoad: Int?
  var historyTooLarge = false
  var keyWasLookedUp = false
  var remembered: IdempotencyRow?

  /// Where it waits, in the phase `gated`.
  enum Station {
    /// With everything read.
    case waiting
    /// With nothing read for it.
    case outside
    /// Without its history, which is not small.
    case large
  }

  var holdsGate = false
  /// The database cannot write it now, or what is before it, and it keeps no other from passing the
  /// gate.
  var isAside = false
  var station = Station.waiting
  /// Its machine is being read for it.
  var isPreparing = false
  /// Bytes that its history may have to be read now, and those that it holds of
  /// ``Engine/stepMemory``.
  var historyBytes = 0
  var heldBytes = 0
  /// Those of them that are its request's, since that is answered.
  var unheardBytes = 0
  /// Its number in the shard, given when its processor is called: its token, and the key of the
  /// machine or the serial of the timer that it makes.
  var serial: Int64?
  /// When its processor was called, on `Moment.uptime`.
  var invokedAt: Int64 = 0
  /// What its commit makes true.
  var application = Application.nothing
  var reply: Reply?
  /// The database refused what the step wrote; what is being written now says so.
  var wasRefused = false

  init(
    id: StepID, item: Mailbox.Item, _ operation: any StepOperation, pending: PendingRequest?
  ) {
    self.id = id
    self.item = item
    self.operation = operation
    request = pending?.request
    key = pending?.key
  }

  var requestID: RequestID? { request?.id }
}

/// What a committed record makes of the machine in memory.
enum Application {
  case nothing
  case becomes(MachineRow, events: [Event], queue: QueueChange)
  case removed
  /// It failed, and what of it is in the database cannot be read.
  case condemned(Failure)
}
