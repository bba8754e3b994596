import MachineModel

/// The step that a machine takes at present; there is at most one.
///
/// An object: it is looked at many times on its way, and each look at a value would copy what it
/// shows and what is asked. It belongs to its machine, and nobody else keeps it.
final class RunningStep {
  /// What happens with it; each phase is followed by another, or by the step's end.
  enum Phase {
    /// Nothing yet, or not any more: what follows is decided before the input has been taken in.
    case deciding
    /// It waits for its turn among the steps of its namespace.
    case gated(Gate.Station)
    /// Rows are being read.
    case loading(Reading)
    /// The processor works on it. Only now it can no longer be dropped.
    case invoking(Asking)
    /// Its record is in a batch, or waits for one.
    case committing(Writing)
  }

  struct Reading {
    let load: LoadID
    /// It brings the history that the step shows.
    let bringsHistory: Bool
    /// It brings the next page of notifications: so many were queued when it was sent.
    let notificationsBefore: Int?
    /// It brings the notification that the step is about, if that is queued.
    let sought: Int64?
  }

  struct Asking {
    let attempt: Int32
    /// The step's number in the shard: its token, and the key of the machine or the serial of the
    /// timer that it makes.
    let serial: Int64
    /// When the processor was called, on `Moment.uptime`.
    let since: Int64
    /// The same as time of day.
    let beganAt: Timestamp
  }

  /// An object, for the same reason.
  final class Writing {
    /// What the commit makes true.
    let application: Application
    /// What is answered then.
    let reply: Reply?
    /// The call that led to it; nil = the processor was not asked.
    let asking: Asking?
    /// What it does to the machine's messages; they have their numbers.
    let messages: Outgoing

    init(application: Application, reply: Reply?, asking: Asking?, messages: Outgoing) {
      self.application = application
      self.reply = reply
      self.asking = asking
      self.messages = messages
    }
  }

  /// What it shows its processor.
  struct History {
    /// Fixed when it is read: defaults may change meanwhile.
    var range: HistoryRange?
    /// nil = not read yet.
    var events: [Event]?
    var isTooLarge = false
  }

  /// What was found under its idempotency key.
  enum Remembered {
    case notLookedUp
    case nothing
    case reply(IdempotencyRow)
  }

  /// Whether the notification that it is about is queued, behind those in memory.
  enum Sought {
    case notLookedUp
    case isThere
    case isNotThere
  }

  /// What was found of the message that it is about.
  enum Message {
    case notLookedUp
    case found(PendingMessage)
    case nowhere
  }

  /// How it stands to its namespace's gate.
  enum Passage {
    case before
    /// Its machine is being read for it.
    case preparing
    case passed
  }

  let id: StepID
  /// When it left the mailbox, on `Moment.uptime`.
  let since: Int64
  let item: Mailbox.Item
  let operation: any StepOperation
  /// What is asked, for a step that a request made; it outlives the caller's patience.
  let request: Request?
  let key: (key: String, fingerprint: [UInt8])?

  private(set) var phase = Phase.deciding
  /// As its processor was told; of one that was not asked, nothing.
  private(set) var name = StepName()
  private(set) var history = History()
  private(set) var remembered = Remembered.notLookedUp
  private(set) var sought = Sought.notLookedUp
  private(set) var message = Message.notLookedUp
  /// The message that it is about is just being delivered.
  private(set) var isUnderWay = false
  /// What became of that message is durable since it began: what was looked up may be older.
  private var isMessageStale = false
  /// What it holds. The budget's.
  var share = StepMemory.Share()
  private(set) var passage = Passage.before
  /// Its request is not answered at its end: it has another step, or a notification, to follow.
  private(set) var goesOn = false
  /// The database refused what the step wrote; what is being written now says so.
  private(set) var wasRefused = false

  init(
    id: StepID, since: Int64, item: Mailbox.Item, _ operation: any StepOperation,
    pending: PendingRequest?
  ) {
    self.id = id
    self.since = since
    self.item = item
    self.operation = operation
    request = pending?.request
    key = pending?.key
    // A step of the same request has looked it up.
    if let pending, let key = pending.key,
      pending.machine?.keys[key.key]?.isConfirmed(for: pending.request.id) == true
    {
      remembered = .nothing
    }
  }

  var requestID: RequestID? { request?.id }

  /// The database cannot write it now, or what is before it, and it keeps no other from passing the
  /// gate.
  var isAside: Bool { share.isAside }

  /// The processor has it, or it is being stored.
  var hasBegun: Bool { asking != nil || writing != nil }

  var isDeciding: Bool {
    if case .deciding = phase { true } else { false }
  }

  /// Where it waits, if it does.
  var station: Gate.Station? {
    if case .gated(let station) = phase { station } else { nil }
  }

  var reading: Reading? {
    if case .loading(let reading) = phase { reading } else { nil }
  }

  var asking: Asking? {
    if case .invoking(let asking) = phase { asking } else { nil }
  }

  /// The call that the processor works on, or has answered.
  var lastAsking: Asking? { asking ?? writing?.asking }

  var writing: Writing? {
    if case .committing(let writing) = phase { writing } else { nil }
  }
}

/// Its way, from phase to phase.
extension RunningStep {
  /// It waits at its namespace's gate.
  func wait(at station: Gate.Station) {
    assert(isDeciding && passage == .before, "a step waits for one thing")
    phase = .gated(station)
  }

  /// It stands in no queue of the gate any more.
  func leaveStation() {
    assert(station != nil, "a step goes on that waited")
    phase = .deciding
  }

  /// Its machine is read for it.
  func beginPreparing() {
    assert(isDeciding && passage == .before, "a step is prepared that did not pass")
    passage = .preparing
  }

  /// It has what it needs, or waits without. Answers whether it was being prepared.
  func endPreparing() -> Bool {
    guard passage == .preparing else { return false }
    passage = .before
    return true
  }

  /// Rows are read for it.
  func load(_ reading: Reading) {
    assert(isDeciding, "a step is read for that waits for nothing")
    phase = .loading(reading)
  }

  /// They are here.
  func loaded() {
    assert(reading != nil, "what is here was read")
    phase = .deciding
  }

  /// Its processor is called: it passes the gate, and the call has its history from now on.
  func ask(_ asking: Asking, as name: StepName) {
    assert(isDeciding && passage == .before, "a step calls its processor once")
    history.events = nil
    self.name = name
    passage = .passed
    phase = .invoking(asking)
  }

  /// The message is among what is being written.
  func isSending(_ message: MessageRef) -> Bool {
    // A step's numbers follow each other.
    guard let sent = writing?.messages.sent, let first = sent.first, let last = sent.last else {
      return false
    }
    return first.ref.machine == message.machine
      && (first.ref.number...last.ref.number).contains(message.number)
  }

  /// Its record goes to a writer.
  func commit(_ writing: Writing) {
    assert(station == nil && reading == nil, "what is written waits for nothing else")
    assert(passage != .preparing, "what is written is not prepared any more")
    phase = .committing(writing)
  }

  /// Something of its request follows.
  func goOnAfterwards() {
    assert(requestID != nil, "only a request has another step")
    goesOn = true
  }

  /// The database refused what it writes, or may refuse what it is to write.
  func refuse() { wasRefused = true }
}

/// What is found for it.
extension RunningStep {
  /// It shows this part of the history; the events, where memory has them.
  func shows(_ range: HistoryRange, _ events: [Event]?) {
    assert(history.events == nil && !history.isTooLarge, "a history is selected once")
    history.range = range
    history.events = events
  }

  /// The history that it shows was read.
  func found(history events: [Event], isTooLarge: Bool) {
    assert(history.range != nil, "what was read was selected")
    history.events = events
    history.isTooLarge = isTooLarge
  }

  /// What is remembered under its key; nil = nothing.
  func found(_ row: IdempotencyRow?) {
    assert(key != nil, "who has no key is not remembered")
    remembered = row.map { .reply($0) } ?? .nothing
  }

  /// The message that it is about; nil = there is none.
  func found(_ message: PendingMessage?) {
    assert(operation.message != nil, "only a step about a message finds one")
    self.message = message.map { .found($0) } ?? .nowhere
  }

  func found(sought isThere: Bool) { sought = isThere ? .isThere : .isNotThere }

  /// It decides now, with what was found.
  func sees(messageUnderWay: Bool) { isUnderWay = messageUnderWay }

  /// Something became of that message, and is durable.
  func messageChanged(_ number: Int64) {
    if operation.message == number { isMessageStale = true }
  }

  /// Whether the message is to be looked up once more; then nothing is known of it.
  func forgetStaleMessage() -> Bool {
    guard isMessageStale else { return false }
    assert(isDeciding, "nothing is looked up for what has begun")
    (isMessageStale, message) = (false, .notLookedUp)
    return true
  }
}

/// What a step is called where it is told of.
struct StepName {
  /// `progressor-step`; empty = it has none.
  var token = ""
  /// Who asked for it; nil = nobody has an identity.
  var principal: String?
}

/// What a committed record makes of the machine in memory.
enum Application {
  case nothing
  case becomes(MachineRow, events: [Event], queue: QueueChange)
  case removed
  /// It failed, and what of it is in the database cannot be read.
  case condemned(Failure)
}
