import Glibc

/// What a thread's body works with: its mailbox, its connection, its stop signal. Confined to the
/// thread.
public final class ConnectionSession<Item: Sendable> {
  /// What ended a wait for items.
  public enum Turn {
    /// What waited, in order of arrival; never empty.
    case items([Item])
    case timedOut
    /// The server ended the idle session; it is closed. Connect again now or with the next item.
    case connectionLost(PostgreSQLError)
    /// The thread was told to stop and everything accepted was taken: return.
    case stopped
  }

  /// Settings of the next session that is opened.
  public let settings: ConnectionSettings
  private let mailbox: ThreadMailbox<Item>
  private let stop: StopSignal
  private var current: Connection?

  init(settings: ConnectionSettings, mailbox: ThreadMailbox<Item>, stop: StopSignal) {
    self.settings = settings
    self.mailbox = mailbox
    self.stop = stop
  }

  /// Whether the thread was told to stop.
  public var isStopping: Bool { stop.isRequested }

  /// The connection, if one is open.
  public var connection: Connection? {
    current.flatMap { $0.isOpen ? $0 : nil }
  }

  /// Waits until something is in the mailbox and takes it, up to `limit` items.
  ///
  /// - Parameters:
  ///   - limit: 1 or more; the rest waits for the next turn.
  ///   - timeout: for work that is due by time; nil waits as long as it takes.
  public func waitForItems(atMost limit: Int = .max, timeout: Duration? = nil) -> Turn {
    let deadline = timeout.map { ContinuousClock.now.advanced(by: $0) }
    while true {
      let (items, isClosed) = mailbox.take(atMost: max(1, limit))
      if !items.isEmpty { return .items(items) }
      if isClosed { return .stopped }
      let outcome = pollUntilReady(
        socket: connection?.socket ?? -1, events: POLLIN, wakeup: mailbox.wakeup, until: deadline)
      switch outcome {
      case .woken: continue
      case .timedOut: return .timedOut
      case .ready:
        do {
          try connection?.consumeWhileIdle()
        } catch {
          return .connectionLost(error)
        }
      }
    }
  }

  /// The open connection, or a new one in one attempt. `setUp` runs on a new one before anything
  /// else and makes the attempt fail by throwing; so a session is never used half set up.
  public func connect(
    setUp: (Connection) throws(PostgreSQLError) -> Void = { _ in }
  ) throws(PostgreSQLError) -> Connection {
    if let connection { return connection }
    if isStopping { throw PostgreSQLError(.stopped, "stopped before connecting") }
    let connection = try Connection.open(settings, stop: stop)
    do {
      try setUp(connection)
    } catch {
      connection.close()
      throw error
    }
    current = connection
    return connection
  }

  /// The open connection, or a new one after as many attempts as it takes, with pauses that grow;
  /// nil when the thread was told to stop. `onFailure` learns of each failed attempt and of the
  /// pause that follows; when it answers false, there is no further attempt.
  public func connect(
    backoff: Backoff, setUp: (Connection) throws(PostgreSQLError) -> Void = { _ in },
    onFailure: (PostgreSQLError, Duration) -> Bool
  ) -> Connection? {
    var backoff = backoff
    while !isStopping {
      do {
        return try connect(setUp: setUp)
      } catch {
        let pause = backoff.next()
        guard !isStopping, onFailure(error, pause), self.pause(for: pause) else { return nil }
      }
    }
    return nil
  }

  /// Closes the connection, if there is one.
  public func disconnect() {
    current?.close()
    current = nil
  }

  /// Blocks for `duration`. False when it was cut short by the stop signal.
  public func pause(for duration: Duration) -> Bool {
    let deadline = ContinuousClock.now.advanced(by: duration)
    let outcome = pollUntilReady(socket: -1, events: 0, wakeup: stop.wakeup, until: deadline)
    return outcome == .timedOut
  }
}
