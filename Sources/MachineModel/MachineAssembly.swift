/// Puts the pieces of a machine that is imported together, and refuses what no machine can be. A
/// refusal names the field of the piece. It knows of one machine alone: whether there is one of
/// that id already, and whether its namespace takes it, is found out when it is written.
public struct MachineAssembly: Sendable {
  /// What a machine may have.
  public struct Limits: Sendable, Hashable {
    /// One event's, or the aux state's.
    public var contentBytes: Int
    /// A notification's.
    public var argsBytes: Int
    /// Of the whole machine, in memory.
    public var bytes: Int
    /// How far ahead a timer may be set. Microseconds.
    public var timerDistance: Int64

    /// No server takes more.
    public static let widest = Limits(
      contentBytes: 8 << 20, argsBytes: 64 << 20, bytes: 1 << 30,
      timerDistance: 100 * 366 * 86_400 * 1_000_000)

    public init(contentBytes: Int, argsBytes: Int, bytes: Int, timerDistance: Int64) {
      self.contentBytes = contentBytes
      self.argsBytes = argsBytes
      self.bytes = bytes
      self.timerDistance = timerDistance
    }
  }

  private let limits: Limits
  private let now: Timestamp
  private var head: PortableMachine?
  private var events: [Event] = []
  private var notifications: [PortableNotification] = []
  /// About what it holds.
  public private(set) var bytes = 0
  /// The end has come.
  public private(set) var isComplete = false

  /// By how much clocks may differ: events may be younger than now by so much. Microseconds.
  static let clockDifference: Int64 = 3_600_000_000
  /// What a value takes beside its bytes, about.
  package static let overhead = 128

  public init(limits: Limits, now: Timestamp) {
    self.limits = limits
    self.now = now
  }

  /// The id, once the head is there.
  public var id: String? { head?.id }

  /// Takes the next piece; `field` is its path.
  public mutating func add(_ part: MachinePart, field: String) throws(ProgressorError) {
    if isComplete { throw .invalidArgument(field: field, "stands behind the machine's end") }
    try charge(0, field)
    switch part {
    case .head(let head): try add(head, field + ".head")
    case .events(let events): try add(events, field + ".events")
    case .notifications(let all): try add(all, field + ".notifications")
    case .end(let end): try finish(end, field + ".end")
    }
  }

  /// The machine.
  public func machine() throws(ProgressorError) -> ImportedMachine {
    guard let head, isComplete else {
      throw .invalidArgument(field: "parts", "have no end: the machine is cut off")
    }
    return ImportedMachine(head: head, events: events, notifications: notifications)
  }

  /// Another message came, with whatever pieces.
  package mutating func chargeMessage() throws(ProgressorError) { try charge(0, "parts") }

  private mutating func charge(_ count: Int, _ field: String) throws(ProgressorError) {
    bytes += count + Self.overhead
    guard bytes <= limits.bytes else {
      throw .invalidArgument(
        field: field,
        "makes the machine larger than \(limits.bytes) bytes (the server's limits.import_size)")
    }
  }

  private mutating func add(_ head: PortableMachine, _ field: String) throws(ProgressorError) {
    guard self.head == nil else { throw .invalidArgument(field: field, "comes twice") }
    try MachineID.validate(head.id, field: field + ".id")
    try hasBeen(head.createdAt, field + ".created_at")
    if let since = head.since {
      if head.failure != nil {
        throw .invalidArgument(field: field + ".since", "is of machines that work")
      }
      try hasBeen(since, field + ".since")
      if since < head.createdAt {
        throw .invalidArgument(field: field + ".since", "lies before created_at")
      }
    }
    if let failure = head.failure { try check(failure, field + ".failed") }
    if let pause = head.pause {
      try hasBeen(pause.pausedAt, field + ".paused.paused_at")
      try checkName(pause.principal, field + ".paused.principal")
    }
    if let aux = head.auxState { try check(aux, field + ".aux_state") }
    if let timer = head.timer { try check(timer, field + ".timer") }
    guard head.lastEventID >= 0 else {
      throw .invalidArgument(field: field + ".last_event_id", "must not be negative")
    }
    guard head.queuedNotifications >= 0 else {
      throw .invalidArgument(field: field + ".queued_notifications", "must not be negative")
    }
    try charge(8_192 + (head.auxState?.data.count ?? 0), field)
    self.head = head
  }

  private mutating func add(_ more: [Event], _ field: String) throws(ProgressorError) {
    guard let head else { throw headIsMissing(field) }
    for (index, event) in more.enumerated() {
      let field = "\(field)[\(index)]"
      let next = Int64(events.count) + 1
      guard event.id == next else {
        throw .invalidArgument(
          field: field + ".id", "is \(event.id), the next event is number \(next)")
      }
      guard event.id <= head.lastEventID else {
        throw .invalidArgument(
          field: field + ".id", "is \(event.id), last_event_id is \(head.lastEventID)")
      }
      let before = events.last?.createdAt ?? head.createdAt
      guard event.createdAt >= before else {
        throw .invalidArgument(
          field: field + ".created_at",
          events.isEmpty ? "lies before the machine's" : "lies before that of the event before")
      }
      try hasBeen(event.createdAt, field + ".created_at")
      try check(event.body, field + ".body")
      try charge(event.body.data.count, field)
      events.append(event)
    }
  }

  private mutating func add(
    _ more: [PortableNotification], _ field: String
  ) throws(ProgressorError) {
    if head == nil { throw headIsMissing(field) }
    for (index, notification) in more.enumerated() {
      let field = "\(field)[\(index)]"
      guard notification.args.count <= limits.argsBytes else {
        throw .invalidArgument(
          field: field + ".args", "are longer than \(limits.argsBytes) bytes")
      }
      try check(notification.metadata, field + ".metadata")
      if let retry = notification.retry {
        guard notifications.isEmpty else {
          throw .invalidArgument(field: field + ".attempts", "is of the first notification only")
        }
        try check(retry, field + ".attempts")
      }
      let carried = notification.metadata.isEmpty ? 0 : CallerContext.maximumBytes
      try charge(notification.args.count + carried, field)
      notifications.append(notification)
    }
  }

  private mutating func finish(_ end: MachineEnd, _ field: String) throws(ProgressorError) {
    guard let head else { throw headIsMissing(field) }
    guard end.discarded == nil else {
      throw .invalidArgument(field: field, "says that the machine was not exported as a whole")
    }
    guard end.id.isExactly(head.id) else {
      throw .invalidArgument(field: field + ".id", "is of another machine than the head's")
    }
    guard Int64(events.count) == head.lastEventID else {
      throw .invalidArgument(
        field: field, "comes behind \(events.count) events, last_event_id is \(head.lastEventID)")
    }
    guard notifications.count >= Int(head.queuedNotifications) else {
      throw .invalidArgument(
        field: field,
        "comes behind \(notifications.count) notifications, queued_notifications is "
          + "\(head.queuedNotifications)")
    }
    isComplete = true
  }
}

// What a single value may be.
extension MachineAssembly {
  private func headIsMissing(_ field: String) -> ProgressorError {
    .invalidArgument(field: field, "comes before the machine's head")
  }

  private func hasBeen(_ time: Timestamp, _ field: String) throws(ProgressorError) {
    guard time <= now.advanced(byMicroseconds: Self.clockDifference) else {
      throw .invalidArgument(field: field, "lies in the future")
    }
  }

  private func isNear(_ time: Timestamp, _ field: String) throws(ProgressorError) {
    guard time <= now.advanced(byMicroseconds: limits.timerDistance) else {
      throw .invalidArgument(field: field, "is more than 100 years ahead")
    }
  }

  private func check(_ content: Content, _ field: String) throws(ProgressorError) {
    guard content.data.count <= limits.contentBytes else {
      throw .invalidArgument(
        field: field + ".data", "is longer than \(limits.contentBytes) bytes")
    }
  }

  private func check(_ failure: Failure, _ field: String) throws(ProgressorError) {
    try hasBeen(failure.failedAt, field + ".failed_at")
    guard failure.stepKind.rawValue <= StepKind.repair.rawValue else {
      throw .invalidArgument(field: field + ".step_kind", "is no step that a machine fails in")
    }
    guard let code = Code(rawValue: failure.code), code != .ok else {
      throw .invalidArgument(field: field + ".code", "must be a gRPC status code, and not OK")
    }
    guard failure.attempts >= 0 else {
      throw .invalidArgument(field: field + ".attempts", "must not be negative")
    }
    try checkName(failure.step, field + ".step")
    try checkName(failure.principal, field + ".principal")
  }

  private func checkName(_ name: String?, _ field: String) throws(ProgressorError) {
    guard let name, name.utf8.count > MachineID.maximumBytes else { return }
    throw .invalidArgument(field: field, "is longer than \(MachineID.maximumBytes) bytes")
  }

  private func check(_ timer: PortableTimer, _ field: String) throws(ProgressorError) {
    try isNear(timer.firesAt, field + ".fires_at")
    try check(timer.metadata, field + ".metadata")
    if let retry = timer.retry { try check(retry, field + ".attempts") }
  }

  private func check(_ retry: RetryState, _ field: String) throws(ProgressorError) {
    guard (1..<Int32.max).contains(retry.attempt) else {
      throw .invalidArgument(field: field + ".attempt", "must be 1 to \(Int32.max - 1)")
    }
    try isNear(retry.nextAttemptAt, field + ".next_attempt_at")
    guard Code(rawValue: retry.lastCode) != nil else {
      throw .invalidArgument(field: field + ".last_code", "must be a gRPC status code")
    }
  }

  private func check(
    _ metadata: [CallerContext.Entry], _ field: String
  ) throws(ProgressorError) {
    for (index, entry) in metadata.enumerated() where !CallerContext.isCarried(entry.name) {
      throw .invalidArgument(
        field: "\(field)[\(index)].name", "must begin with x-, or be traceparent or tracestate")
    }
    guard CallerContext(metadata).entries.count == metadata.count else {
      throw .invalidArgument(
        field: field, "is larger than \(CallerContext.maximumBytes) bytes with all its entries")
    }
  }
}
