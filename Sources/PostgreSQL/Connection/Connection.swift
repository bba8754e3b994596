import CPq
import Glibc

/// Which server process serves a session. Process ids are used again, so the start time belongs
/// to it: both together name a session to be ended, and never another one.
public struct BackendIdentity: Hashable, Sendable {
  /// The process id on the server's machine, as in `pg_stat_activity.pid`.
  public let processID: Int32
  /// When that process began, as in `pg_stat_activity.backend_start`.
  public let startedAt: SQLTimestamp
}

/// One session with a PostgreSQL server. Confined to the thread that opened it, which it blocks
/// while it waits; every wait has a time limit.
///
/// A session that was lost, or whose answer did not come in time, is closed for good: open another
/// one. Prepared statements go with their session and are prepared again in the next.
public final class Connection {
  var handle: OpaquePointer?
  let stop: StopSignal?

  /// What is prepared in this session, by name.
  var prepared: [String: PreparedStatement] = [:]

  /// The server process of this session.
  public internal(set) var backend = BackendIdentity(
    processID: 0, startedAt: SQLTimestamp(microseconds: 0))

  /// Asked when the time of a wait is over: how much longer there is reason to wait; nil = give up.
  /// For a caller who knows from elsewhere that the server is at work. None at first.
  public var patience: (() -> Duration?)?

  /// Called while a pipeline that takes long is on its way, each time when some of its bytes left
  /// this machine, or the server answered one of several large statements: neither happens when the
  /// way there is stuck. None at first.
  public var onMove: (() -> Void)?

  /// How often it is looked whether bytes left.
  private static let lookInterval: Duration = .milliseconds(200)

  /// Set in the session when it was opened, and the same there as long as nobody else shares it.
  let mark = "\(SQLUUID.random())"

  /// Takes over a handle of libpq that is connected.
  init(owning handle: OpaquePointer, stop: StopSignal?) {
    self.handle = handle
    self.stop = stop
  }

  deinit {
    close()
  }

  /// Whether the session is there, as far as this side knows.
  public var isOpen: Bool { handle != nil }

  /// 130004 for 13.4; 0 when closed.
  public var serverVersion: Int { handle.map { Int(PQserverVersion($0)) } ?? 0 }

  /// Ends the session. The server may still finish what it has already received.
  public func close() {
    if let handle { PQfinish(handle) }
    handle = nil
    prepared = [:]
  }

  /// Runs one statement, in a transaction of its own.
  public func query(
    _ sql: String, _ parameters: Parameters = Parameters(), timeout: Duration
  ) throws(PostgreSQLError) -> ResultSet {
    var pipeline = Pipeline()
    pipeline.append(sql: sql, parameters)
    let results = try run(pipeline, timeout: timeout)
    guard let result = results.first else {
      throw PostgreSQLError(.unexpectedValue, "the statement had no result")
    }
    return result
  }

  /// Reads what arrived between two pieces of work. Throws `connectionLost` when the server has
  /// ended the session; what it sent otherwise (notices, changed parameters) is dropped.
  func consumeWhileIdle() throws(PostgreSQLError) {
    let handle = try openHandle()
    guard PQconsumeInput(handle) == 1, PQstatus(handle) == CONNECTION_OK else { throw lost() }
  }

  /// The descriptor to be polled; -1 when closed.
  var socket: Int32 { handle.map { PQsocket($0) } ?? -1 }

  func openHandle() throws(PostgreSQLError) -> OpaquePointer {
    guard let handle else {
      throw PostgreSQLError(.connectionLost, "the session was closed before")
    }
    return handle
  }

  /// What the kernel holds, since the other side has not taken it yet (tcp(7), unix(7): SIOCOUTQ).
  /// Nothing is handed to it while it is waited for the socket, so less of it is a move.
  private var bytesUnderWay: Int32 {
    var count: Int32 = 0
    return ioctl(socket, UInt(TIOCOUTQ), &count) == 0 ? count : 0
  }

  /// Closes the session and says why.
  func lost(_ scope: PostgreSQLError.Scope = .connectionLost, _ reason: String? = nil)
    -> PostgreSQLError
  {
    let message = reason ?? handle.map { String(cString: PQerrorMessage($0)).trimmingNewlines() }
    close()
    return PostgreSQLError(scope, message.flatMap { $0.isEmpty ? nil : $0 } ?? "connection lost")
  }

  /// Waits until libpq can go on. Throws, and closes, when `deadline` or the grace period of the
  /// stop signal passes.
  func wait(for events: Int32, until deadline: ContinuousClock.Instant) throws(PostgreSQLError) {
    var deadline = deadline
    var isStopping = false
    var unsent = onMove == nil ? 0 : bytesUnderWay
    while true {
      let look = unsent == 0 ? deadline : min(deadline, .now.advanced(by: Self.lookInterval))
      let outcome = pollUntilReady(
        socket: socket, events: events, wakeup: isStopping ? nil : stop?.wakeup, until: look)
      switch outcome {
      case .ready:
        return
      case .timedOut where look < deadline:
        let rest = bytesUnderWay
        if rest < unsent { onMove?() }
        unsent = rest
      case .woken:
        isStopping = true
        if let end = stop?.deadline { deadline = min(deadline, end) }
      case .timedOut where isStopping:
        throw lost(.stopped, "no answer within the grace period of the stop")
      case .timedOut:
        guard let more = patience?() else {
          throw lost(.timeout, "no answer from the database in time")
        }
        deadline = .now.advanced(by: more)
      }
    }
  }
}
