import Logging
import PostgreSQL

/// The advisory locks of a session under which nodes look at the schema and change it, one at a
/// time. They end with their session.
struct SchemaLocks {
  /// One of the locks. Taken in this order: `change`, `look`.
  enum Lock: Int64 {
    /// To change the schema: held from before the first change to after the last.
    case change = 8_097_880_561_172_341_363
    /// To look at the schema, by programs of every version. Those from before migration 006 wait
    /// for it within a statement, and an index that is built waits for that statement in turn: it
    /// is not held meanwhile, so that they start as if nothing was built.
    case look = 8_097_880_561_172_341_362
  }

  let connection: Connection
  let logger: Logger
  /// Between two lines of the log about a wait.
  var reportInterval: Duration = .seconds(60)

  /// Between two attempts.
  private static let pause = 0.1
  static let timeout: Duration = .seconds(10)

  /// Whether the lock is ours now.
  func tryTake(_ lock: Lock) throws(PostgreSQLError) -> Bool {
    try connection.run(
      Statements.schemaTryLock, .with { $0.append(lock.rawValue) }, timeout: Self.timeout
    ).onlyRow().value(0)
  }

  /// Waits until nobody else has the lock. Throws `busy` with who has it at `end`.
  func take(_ lock: Lock, until end: ContinuousClock.Instant) throws {
    var nextReport = ContinuousClock.now
    while true {
      if try tryTake(lock) { return }
      let now = ContinuousClock.now
      if now >= end {
        throw StorageError(
          .busy,
          """
          another node looks after the schema, and has not finished in time: \
          \(try holders(of: lock)). If it builds an index, that goes on; start again when it has \
          finished, or with a longer start_timeout
          """)
      }
      if now >= nextReport {
        let holders = try holders(of: lock)
        logger.notice(
          "another node looks after the schema: waiting for it", metadata: ["held-by": "\(holders)"]
        )
        nextReport = now + reportInterval
      }
      // The server pauses, so that a stop ends it as any statement.
      _ = try connection.run(
        Statements.schemaPause, .with { $0.append(Self.pause) }, timeout: Self.timeout)
    }
  }

  /// Lets others have the lock.
  func giveBack(_ lock: Lock) throws(PostgreSQLError) {
    _ = try connection.run(
      Statements.schemaUnlock, .with { $0.append(lock.rawValue) }, timeout: Self.timeout)
  }

  private func holders(of lock: Lock) throws(PostgreSQLError) -> String {
    let processes: [Int32] = try connection.run(
      Statements.schemaLockHolders, .with { $0.append(lock.rawValue) }, timeout: Self.timeout
    ).map { (row) throws(PostgreSQLError) in try row.value(0) }
    return try connection.descriptions(of: processes, timeout: Self.timeout)
  }
}

extension Connection {
  /// Sessions of the server by their processes, for people.
  func descriptions(
    of processes: [Int32], timeout: Duration
  ) throws(PostgreSQLError) -> String {
    let texts: [String] = try run(
      Statements.sessionDescriptions, .with { $0.appendArray(processes) { $0 } }, timeout: timeout
    ).map { (row) throws(PostgreSQLError) in try row.value(0) }
    return texts.isEmpty ? "nobody any more" : texts.joined(separator: "; ")
  }
}
