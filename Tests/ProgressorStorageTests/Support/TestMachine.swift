import MachineModel
import ProgressorEngine

/// A machine as a test writes it: its row is kept here and changed step by step, as the engine
/// does.
struct TestMachine: Sendable {
  static let namespace = NamespaceNumber(1)

  var machine: MachineID
  var shard: ShardID
  var namespace = Self.namespace
  var row: MachineRow

  /// Of the slot 0 if the shard is even.
  init(_ id: String, shard: Int32 = 0, key: Int64 = 1) {
    machine = MachineID(namespace: "orders", id: id)
    self.shard = ShardID(shard)
    row = MachineRow(
      key: MachineKey(key), shard: ShardID(shard), namespace: Self.namespace, machine: machine,
      version: 1, createdAt: Self.start, lastEventID: 0, lastEventAt: Self.start, auxState: nil,
      failure: nil, timer: nil, notificationCount: 0, due: nil)
  }

  static let start = Timestamp(microseconds: 1_700_000_000_123_456)

  static func after(seconds: Int64) -> Timestamp {
    start.advanced(byMicroseconds: seconds * 1_000_000)
  }

  func record(
    _ change: RowChange = .keep, events: [Event] = [], enqueued: [QueuedNotification] = [],
    dequeued: Int64? = nil, rescheduled: QueuedNotification? = nil,
    idempotency: IdempotencyRow? = nil, traced: TracedStep? = nil
  ) -> CommitRecord {
    CommitRecord(
      shard: shard, namespace: namespace, machine: machine, key: row.key, row: change,
      events: events, enqueued: enqueued, dequeued: dequeued, rescheduled: rescheduled,
      idempotency: idempotency, traced: traced)
  }

  /// The record that starts the machine, with events of these bodies.
  mutating func start(events bodies: [String] = []) -> CommitRecord {
    let events = append(bodies)
    return record(.insert(row), events: events)
  }

  /// The record of a step that adds events of these bodies.
  mutating func step(_ bodies: [String] = [], auxChanged: Bool = false) -> CommitRecord {
    let events = append(bodies)
    row.version += 1
    return record(.update(row, auxChanged: auxChanged), events: events)
  }

  /// Events that continue the history.
  mutating func append(_ bodies: [String]) -> [Event] {
    bodies.map { body in
      row.lastEventID += 1
      row.lastEventAt = Self.after(seconds: row.lastEventID)
      return Event(
        id: row.lastEventID, createdAt: row.lastEventAt,
        body: Content(formatVersion: 7, data: Array(body.utf8)))
    }
  }

  static func notification(
    _ sequence: Int64, args: String = "args", retry: RetryState? = nil
  ) -> QueuedNotification {
    QueuedNotification(
      sequence: sequence, notificationID: "n-\(sequence)", args: Array(args.utf8),
      historyRange: HistoryRange(after: 0, limit: 5, direction: .backward),
      context: CallerContext([.init(name: "traceparent", value: "00-ab-cd-01")]),
      acceptedAt: after(seconds: sequence), retry: retry)
  }

  /// - Parameter expiresAt: nil = in a hundred years.
  static func traced(_ sequence: Int64, expiresAt: Timestamp? = nil) -> TracedStep {
    TracedStep(
      record: StepRecord(
        sequence: sequence, step: "c-0-\(sequence)", kind: .call, beganAt: start,
        endedAt: after(seconds: 1), outcome: .refused, attempt: 1, code: 9, message: "não\0"),
      expiresAt: expiresAt ?? after(seconds: 100 * 365 * 86_400))
  }

  static let retry = RetryState(
    attempt: 3, nextAttemptAt: after(seconds: 100), lastCode: 14, lastMessage: "connect refused")

  /// A part of what is due in the namespace.
  static func due(from cut: DueCut, until time: Timestamp, limit: Int32) -> DueSpan {
    DueSpan(namespace: namespace, name: "orders", from: cut, until: time, limit: limit)
  }

  static let timer = TimerRow(
    serial: 4, firesAt: after(seconds: 60),
    historyRange: HistoryRange(after: 2, limit: nil, direction: .forward),
    processingTimeout: 5_000_000,
    context: CallerContext([
      .init(name: "x-tenant", value: "a\tb\\c\nd"), .init(name: "tracestate", value: ""),
    ]), retry: retry)
}

/// The bodies of events as text.
func bodies(_ events: [Event]) -> [String] {
  events.map { String(decoding: $0.body.data, as: UTF8.self) }
}
