import MachineModel
import PostgreSQL
import ProgressorEngine

extension RowReader {
  /// The columns from timer_serial to timer_message; timer_at NULL = none.
  mutating func nextTimer() throws(PostgreSQLError) -> TimerRow? {
    let serial: Int64? = try nextOptional()
    guard let firesAt = try nextOptionalTime() else {
      skip(9)
      return nil
    }
    let range = try nextRange()
    let processingTimeout: Int64? = try nextOptional()
    let text: String = try next()
    guard let serial, let context = CallerContext(text: text) else {
      throw .unreadable("a timer without serial or with a damaged context")
    }
    guard processingTimeout ?? 1 > 0 else {
      throw .unreadable("a timer with a processing timeout of \(processingTimeout ?? 0) µs")
    }
    return TimerRow(
      serial: serial, firesAt: firesAt, historyRange: range,
      processingTimeout: processingTimeout, context: context, retry: try nextRetryState())
  }

  /// The columns of load_rows from machine_key on.
  mutating func nextMachineRow(of load: LoadRequest) throws(PostgreSQLError) -> MachineRow {
    let key = MachineKey(try next())
    let version = try nextCount(from: 1, "version")
    let createdAt = try nextTime()
    let lastEventID = try nextCount(from: 0, "last event")
    let lastEventAt = try nextTime()
    let auxState = try nextContent()
    let failure = try nextFailure()
    let repairedAt = try nextOptionalTime()
    let waitingFor: String? = try nextOptional()
    let pause = try nextPause()
    let timer = try nextTimer()
    let notificationCount: Int32 = try next()
    guard (0..<Int32.max / 2).contains(notificationCount) else {
      throw .unreadable("a machine with \(notificationCount) notifications")
    }
    var row = MachineRow(
      key: key, shard: load.shard, namespace: load.namespace, machine: load.machine,
      version: version, createdAt: createdAt, lastEventID: lastEventID, lastEventAt: lastEventAt,
      auxState: auxState, failure: failure, repairedAt: repairedAt, pause: pause, timer: timer,
      notificationCount: notificationCount, due: try nextOptionalTime(), waitingFor: waitingFor)
    row.pendingMessages = try next()
    row.undeliveredMessages = try next()
    guard (0..<Int32.max / 2).contains(row.pendingMessages) else {
      throw .unreadable("a machine with \(row.pendingMessages) messages")
    }
    return row
  }

  /// The columns of load_remains: what can be told of a machine whose rows cannot be read.
  mutating func nextRemains(of load: LoadRequest) throws(PostgreSQLError) -> MachineRow {
    let key = MachineKey(try next())
    let version: Int64 = try next()
    // A time that is none is shown as the first of the calendar: there must be one.
    let createdAt = (try? nextTime()) ?? .earliest
    let lastEventID: Int64 = try next()
    let lastEventAt = (try? nextTime()) ?? .earliest
    return MachineRow(
      key: key, shard: load.shard, namespace: load.namespace, machine: load.machine,
      version: version, createdAt: createdAt, lastEventID: lastEventID, lastEventAt: lastEventAt,
      auxState: nil, failure: try nextFailure(), timer: nil, notificationCount: try next(),
      due: nil)
  }

  /// The columns of a notification from sequence on.
  mutating func nextNotification() throws(PostgreSQLError) -> QueuedNotification {
    let sequence: Int64 = try next()
    let notificationID: String = try next()
    let args: [UInt8] = try next()
    let range = try nextRange()
    let text: String = try next()
    guard let context = CallerContext(text: text) else {
      throw .unreadable("notification \(sequence) with a damaged context")
    }
    return QueuedNotification(
      sequence: sequence, notificationID: notificationID, args: args, historyRange: range,
      context: context, acceptedAt: try nextTime(), retry: try nextRetryState(),
      origin: try nextOrigin())
  }

  /// The columns from sender_namespace to undelivered_reason.
  private mutating func nextOrigin() throws(PostgreSQLError) -> QueuedNotification.Origin {
    let namespace: String? = try nextOptional()
    let id: String? = try nextOptional()
    let name: String? = try nextOptional()
    let code: Int32? = try nextOptional()
    let reason: String? = try nextOptional()
    guard let namespace, let id else { return .client }
    let machine = MachineID(namespace: namespace, id: id)
    guard let name, let code, let reason else { return .machine(machine) }
    return .undelivered(target: machine, name: name, code: code, reason: reason)
  }

  /// The columns of an idempotency key from key on.
  mutating func nextIdempotency() throws(PostgreSQLError) -> IdempotencyRow {
    let key: String = try next()
    let fingerprint: [UInt8] = try next()
    let kind: Int32 = try next()
    let data: [UInt8] = try next()
    guard let reply = StoredReply(kind: kind, data: data) else {
      throw .unreadable("a remembered reply of kind \(kind)")
    }
    return IdempotencyRow(
      key: key, fingerprint: fingerprint, reply: reply, expiresAt: try nextTime())
  }
}

extension StoredReply {
  /// The number in the column reply_kind: part of the stored format.
  var kind: Int32 {
    switch self {
    case .started: 1
    case .called: 2
    case .notified: 3
    case .repaired: 4
    }
  }

  var data: [UInt8] {
    switch self {
    case .started: []
    case .called(let response), .repaired(let response): response
    case .notified(let notificationID): Array(notificationID.utf8)
    }
  }

  init?(kind: Int32, data: [UInt8]) {
    switch kind {
    case 1: self = .started
    case 2: self = .called(response: data)
    case 3: self = .notified(notificationID: String(decoding: data, as: UTF8.self))
    case 4: self = .repaired(response: data)
    default: return nil
    }
  }
}
