import CPq
import Glibc

extension Connection {
  /// The oldest server that this module works with.
  public static let oldestServerVersion = 130_000

  /// Opens a session: tries each address of each host in turn, the one that answered last first,
  /// sets the session's parameters, learns its backend. `stop` ends the attempt at once and bounds
  /// every later wait.
  ///
  /// Throws `connectFailed` with what each address answered, `configuration` when the server cannot
  /// be used (too old, a parameter refused), or `stopped`.
  public static func open(
    _ settings: ConnectionSettings, stop: StopSignal? = nil
  ) throws(PostgreSQLError) -> Connection {
    let begin = ContinuousClock.now
    let end = begin.advanced(by: settings.connectTimeout)
    let half = begin.advanced(by: settings.connectTimeout / 2)
    var (tried, failures): (Set<HostMemory.Place>, [String]) = ([], [])
    // Hosts whose names take long to look up come after those whose addresses are known.
    for patience in [min(half, begin.advanced(by: namePatience)), half] {
      let found = try settings.target.attempts(lookingUpUntil: patience, stop: stop)
      let isLast = found.unanswered.isEmpty || patience == half
      let new = found.attempts.filter { tried.insert($0.place).inserted }
      if let connection = try open(
        anyOf: new, settings, stop, until: isLast ? end : half, &failures)
      {
        return connection
      }
      if isLast {
        failures += found.failures + found.unanswered
        break
      }
    }
    throw PostgreSQLError(.connectFailed, failures.joined(separator: "; "))
  }

  /// How long a name may take to be looked up while there are addresses to try.
  private static let namePatience: Duration = .milliseconds(200)

  /// Tries each in turn; then those that said nothing in their turn once more, with all the time
  /// that is left.
  private static func open(
    anyOf attempts: [ConnectionString.Attempt], _ settings: ConnectionSettings, _ stop: StopSignal?,
    until end: ContinuousClock.Instant, _ failures: inout [String]
  ) throws(PostgreSQLError) -> Connection? {
    var silent = attempts
    if silent.count > 1 {
      let share = max(
        minimumTurn,
        min(settings.target.turn, ContinuousClock.now.duration(to: end) / (2 * silent.count)))
      let hosts = silent
      silent = []
      for host in hosts {
        let deadline = min(end, ContinuousClock.now.advanced(by: share))
        switch try attempt(host, settings, stop, until: deadline) {
        case .open(let connection): return connection
        case .failed where ContinuousClock.now >= deadline: silent.append(host)
        case .failed(let message): failures.append(message)
        }
      }
    }
    for (index, host) in silent.enumerated() {
      let now = ContinuousClock.now
      let deadline = now.advanced(by: now.duration(to: end) / (silent.count - index))
      switch try attempt(host, settings, stop, until: deadline) {
      case .open(let connection): return connection
      case .failed(let message): failures.append(message)
      }
    }
    return nil
  }

  /// However many addresses there are, none has less time.
  private static let minimumTurn: Duration = .milliseconds(50)

  private enum AttemptOutcome {
    case open(Connection)
    case failed(String)
  }

  /// Throws what another host does not change.
  private static func attempt(
    _ host: ConnectionString.Attempt, _ settings: ConnectionSettings, _ stop: StopSignal?,
    until deadline: ContinuousClock.Instant
  ) throws(PostgreSQLError) -> AttemptOutcome {
    do {
      let connection = try open(
        settings.libpqOptions(for: host.options), settings, stop, until: deadline)
      settings.target.remember(host)
      return .open(connection)
    } catch {
      guard
        error.scope == .connectFailed || error.scope == .timeout || error.scope == .connectionLost
      else { throw error }
      return .failed(error.message)
    }
  }

  private static func open(
    _ options: [String: String], _ settings: ConnectionSettings, _ stop: StopSignal?,
    until deadline: ContinuousClock.Instant
  ) throws(PostgreSQLError) -> Connection {
    guard let handle = startConnecting(options) else {
      throw PostgreSQLError(.connectFailed, "libpq is out of memory")
    }
    let connection = Connection(owning: handle, stop: stop)
    PQsetNoticeReceiver(handle, { _, _ in }, nil)
    try connection.finishConnecting(until: deadline)
    guard PQsetnonblocking(handle, 1) == 0 else { throw connection.lost(.connectFailed) }
    let version = connection.serverVersion
    guard version >= oldestServerVersion else {
      throw PostgreSQLError(
        .configuration,
        "the database is PostgreSQL \(version / 10_000); 13 is the oldest that will do")
    }
    try connection.setUpSession(settings, until: deadline)
    return connection
  }

  private static func startConnecting(_ options: [String: String]) -> OpaquePointer? {
    let options = options.sorted { $0.key < $1.key }
    return withCStrings(options.map(\.key)) { keywords in
      withCStrings(options.map(\.value)) { values in
        PQconnectStartParams(keywords, values, 0)
      }
    }
  }

  private func finishConnecting(until deadline: ContinuousClock.Instant) throws(PostgreSQLError) {
    let handle = try openHandle()
    guard PQstatus(handle) != CONNECTION_BAD else { throw lost(.connectFailed) }
    // libpq's rule: act as if it had asked for writing first (manual, 34.1).
    var state = PGRES_POLLING_WRITING
    while state != PGRES_POLLING_OK {
      guard state == PGRES_POLLING_READING || state == PGRES_POLLING_WRITING else {
        throw lost(.connectFailed)
      }
      let events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT
      let outcome = pollUntilReady(
        socket: socket, events: events, wakeup: stop?.wakeup, until: deadline)
      switch outcome {
      case .ready: state = PQconnectPoll(handle)
      case .woken: throw lost(.stopped, "stopped while connecting")
      case .timedOut: throw lost(.connectFailed, "\(hostDescription) did not answer in time")
      }
    }
  }

  private var hostDescription: String { peer.map { "the database at \($0)" } ?? "the database" }

  /// Where the server is: HOST:PORT with the address that the host's name led to, or the folder of
  /// its socket; nil when closed.
  public var peer: String? {
    guard let handle else { return nil }
    let host = PQhost(handle).map { String(cString: $0) } ?? ""
    let address = PQhostaddr(handle).map { String(cString: $0) } ?? ""
    let port = PQport(handle).map { String(cString: $0) } ?? ""
    return address.isEmpty || address.utf8.elementsEqual(host.utf8)
      ? "\(host):\(port)" : "\(host):\(port) (\(address))"
  }

  private func setUpSession(
    _ settings: ConnectionSettings, until deadline: ContinuousClock.Instant
  ) throws(PostgreSQLError) {
    let session = settings.parametersToSet + [(name: ServerFacts.markParameter, value: mark)]
    var parameters = Parameters()
    parameters.appendArray(session) { $0.name }
    parameters.appendArray(session) { $0.value }
    var pipeline = Pipeline()
    pipeline.append(
      sql: """
        SELECT set_config(name, value, false)
        FROM unnest($1::text[], $2::text[]) AS parameter(name, value)
        """, parameters)
    pipeline.append(
      sql: "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()")
    do {
      let rest = ContinuousClock.now.duration(to: deadline)
      let row = try run(pipeline, timeout: rest)[1].onlyRow()
      backend = BackendIdentity(processID: try row.value(0), startedAt: try row.value(1))
    } catch {
      guard error.scope == .statement else { throw error }
      close()
      throw PostgreSQLError(
        error.sqlState?.errorClass == "22" || error.sqlState?.errorClass == "42"
          ? .configuration : .connectFailed,
        "the session could not be set up: \(error.message)", sqlState: error.sqlState,
        detail: error.detail)
    }
  }
}

/// Calls `body` with the strings as C strings and a nil behind the last.
private func withCStrings<Result>(
  _ strings: [String], _ body: ([UnsafePointer<CChar>?]) -> Result
) -> Result {
  var bytes: [CChar] = []
  var offsets: [Int] = []
  for string in strings {
    offsets.append(bytes.count)
    bytes += string.utf8.map { CChar(bitPattern: $0) }
    bytes.append(0)
  }
  return bytes.withUnsafeBufferPointer { buffer in
    body(offsets.map { buffer.baseAddress?.advanced(by: $0) } + [nil])
  }
}
