import PostgreSQL

/// Asks PostgreSQL what it has done. On a connection of its own.
actor DatabaseProbe {
  /// What counts up as transactions commit.
  struct Progress: Sendable {
    /// The next transaction id of the cluster. Only transactions that write take one, and it is
    /// exact at once, which `xact_commit` is not: a session reports that when it is idle.
    var transactionID: Int64
    /// Bytes of write-ahead log.
    var logPosition: Int64
  }

  private let connection: Connection
  private static let timeout = Duration.seconds(10)

  init(connectionString: String) throws {
    connection = try Connection.open(
      ConnectionSettings(
        target: try ConnectionString(connectionString), applicationName: "benchmark probe"))
  }

  /// What was written so far.
  func progress() throws -> Progress {
    let row = try connection.query(
      """
      SELECT pg_snapshot_xmax(pg_current_snapshot())::text::int8,
        (pg_current_wal_insert_lsn() - '0/0')::int8
      """, timeout: Self.timeout
    ).onlyRow()
    return Progress(transactionID: try row.value(0), logPosition: try row.value(1))
  }

  /// The server processes of this database's sessions, without the probe's own.
  func backends() throws -> [Int32] {
    try connection.query(
      """
      SELECT pid FROM pg_stat_activity
      WHERE datname = current_database() AND backend_type = 'client backend'
        AND pid <> pg_backend_pid()
      """, timeout: Self.timeout
    ).map { try $0.value(0) }
  }

  /// Transactions of this database that were committed, reading ones included. Complete once the
  /// sessions that ran them have ended.
  func committedTransactions() throws -> Int64 {
    try connection.query(
      "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()",
      timeout: Self.timeout
    ).onlyRow().value(0)
  }

  /// Whether no machine has anything left to do by itself.
  func isQuiet() throws -> Bool {
    try connection.query(
      "SELECT NOT EXISTS (SELECT FROM progressor.machine WHERE due_at IS NOT NULL)",
      timeout: Self.timeout
    ).onlyRow().value(0)
  }

  /// Whether every message that is due was delivered.
  func hasDeliveredMessages() throws -> Bool {
    try connection.query(
      """
      SELECT NOT EXISTS (
        SELECT FROM progressor.message WHERE due_at IS NOT NULL AND deliver_at <= now())
      """, timeout: Self.timeout
    ).onlyRow().value(0)
  }

  /// How many messages wait to be delivered.
  func pendingMessages() throws -> Int64 {
    try connection.query(
      "SELECT count(*) FROM progressor.message WHERE due_at IS NOT NULL", timeout: .seconds(30)
    ).onlyRow().value(0)
  }

  /// How many events are stored.
  func storedEvents() throws -> Int64 {
    try connection.query("SELECT count(*) FROM progressor.event", timeout: .seconds(30))
      .onlyRow().value(0)
  }

  /// The server's version, for the report: `15.18`.
  func serverVersion() throws -> String {
    try connection.query("SELECT current_setting('server_version')", timeout: Self.timeout)
      .onlyRow().value(0)
  }
}
