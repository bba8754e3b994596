import Logging
import PostgreSQL
import ProgressorEngine

/// The session of a reader: read-only, one snapshot per transaction, on the database that is known.
/// Confined to the reader's thread.
final class ReaderSession<Item: Sendable> {
  let session: ConnectionSession<Item>
  let timeout: Duration
  let logger: Logger
  private let watch: DatabaseWatch
  /// As the lease counted them when the connection was opened.
  private var replacements = 0
  /// On `LocalClock.uptime`, of those attempts to connect that nobody waits for.
  private var nextAttempt: Int64 = 0
  private static var retryInterval: Int64 { 500_000 }

  init(
    session: ConnectionSession<Item>, watch: DatabaseWatch, timeout: Duration, logger: Logger
  ) {
    self.session = session
    self.watch = watch
    self.timeout = timeout
    self.logger = logger
  }

  /// The connection, opened in one attempt if there is none to the database that is known now.
  func connection() throws(PostgreSQLError) -> Connection {
    let replacements = watch.lease.replacements
    if replacements != self.replacements { session.disconnect() }
    self.replacements = replacements
    return try watch.connect(session, timeout: timeout)
  }

  /// Waits for items, with a session at hand: that there is none must be known before somebody
  /// needs it.
  func waitForItems(atMost limit: Int = .max) -> ConnectionSession<Item>.Turn {
    if session.connection == nil, !session.isStopping, LocalClock.uptime() >= nextAttempt {
      _ = try? connection()
      nextAttempt = LocalClock.uptime() + Self.retryInterval
    }
    let isThere = session.connection != nil
    let pause = Duration.microseconds(max(1_000, nextAttempt - LocalClock.uptime()))
    return session.waitForItems(atMost: limit, timeout: isThere ? nil : pause)
  }

  /// A pause between two attempts. False when the thread was told to stop.
  func pause(_ backoff: inout Backoff) -> Bool { session.pause(for: backoff.next()) }
}

extension StorageConfiguration {
  /// A load is one pipeline, that is one transaction: REPEATABLE READ makes it one snapshot.
  func readerSettings(for purpose: String) -> ConnectionSettings {
    var settings = settings(for: purpose)
    settings.connectTimeout = min(settings.connectTimeout, readTimeout / 2)
    settings.statementTimeout = readTimeout
    settings.sessionParameters["default_transaction_isolation"] = "repeatable read"
    settings.sessionParameters["default_transaction_read_only"] = "on"
    return settings
  }
}

/// How a read fails.
extension ReadFailure {
  /// Nil when the read should be tried again: the session was lost, or never came about.
  init?(_ error: PostgreSQLError) {
    switch error.scope {
    case .unexpectedValue:
      self = .unreadable(error.message)
    case .statement where error.isDamage:
      self = .unreadable(error.description)
    case .statement:
      self = .unavailable
    case .configuration, .connectFailed, .connectionLost, .timeout, .stopped:
      return nil
    }
  }
}

extension PostgreSQLError {
  /// What a single row can be the cause of: damaged pages (XX) and data that cannot be read (22).
  var isDamage: Bool {
    sqlState.map { $0.errorClass == "XX" || $0.isDataFault } ?? false
  }
}
