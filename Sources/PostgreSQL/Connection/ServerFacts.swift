/// What a server says of itself: whether commits on it are durable, and whether it is the same
/// database, not an earlier state of it, that was seen before.
public struct ServerFacts: Hashable, Sendable {
  /// As `server_version_num`: 130004 is 13.4.
  public let version: Int
  /// A standby; it cannot be written.
  public let isInRecovery: Bool
  /// Off: a crash of the machine loses what was committed (PostgreSQL, "fsync").
  public let fsync: Bool
  /// Off: a crash of the machine can leave half-written pages ("full_page_writes").
  public let fullPageWrites: Bool
  /// On: after a failed fsync the server tries again, which can hide lost pages.
  public let dataSyncRetry: Bool
  /// Something between us and the server hands its sessions to others after each transaction: what
  /// is set in a session, prepared or locked there does not stay. The process that serves us, or
  /// the mark in its session, is not what it was when the session was opened. What the key of the
  /// session says of the process is no sign: a pooler that keeps sessions makes a key of its own.
  public let isPooled: Bool
  /// Made by initdb; the same in all physical copies of a cluster.
  public let systemIdentifier: Int64
  /// Grows with each promotion or point-in-time recovery; 0 on a standby.
  public let timeline: Int64
  /// The end of what is safely in the write-ahead log, in bytes; 0 on a standby.
  public let flushedPosition: Int64
  /// The number of the next transaction that writes. A promotion passes over none, so a smaller
  /// one than was seen on the server before tells that transactions are missing. After a crash the
  /// number of a transaction that left nothing behind is given again.
  public let nextTransaction: Int64

  /// The session parameter that has the mark.
  static let markParameter = "progressor.session"

  /// Asks the server. An ordinary role may.
  public static func read(
    from connection: Connection, timeout: Duration
  ) throws(PostgreSQLError) -> ServerFacts {
    let row = try connection.query(sql, timeout: timeout).onlyRow()
    let timeline = try row.value(5, as: String.self)
    let process: Int32 = try row.value(8)
    let mark: String? = try row.optional(9)
    return ServerFacts(
      version: connection.serverVersion,
      isInRecovery: try row.value(0), fsync: try row.value(1), fullPageWrites: try row.value(2),
      dataSyncRetry: try row.value(3),
      isPooled: process != connection.backend.processID || mark != connection.mark,
      systemIdentifier: try row.value(4), timeline: Int64(timeline, radix: 16) ?? 0,
      flushedPosition: try row.value(6), nextTransaction: try row.value(7))
  }

  /// The timeline is the first eight digits of a WAL file's name; `pg_control_checkpoint` shows a
  /// new one only after the next checkpoint. The flushed position never goes back in a crash, the
  /// insert position may.
  private static let sql = """
    SELECT recovery,
      current_setting('fsync')::bool,
      current_setting('full_page_writes')::bool,
      coalesce(current_setting('data_sync_retry', true), 'off')::bool,
      (SELECT system_identifier FROM pg_control_system()),
      CASE WHEN recovery THEN '0'
        ELSE left(pg_walfile_name(pg_current_wal_flush_lsn()), 8) END,
      CASE WHEN recovery THEN 0
        ELSE pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0') END::int8,
      pg_snapshot_xmax(pg_current_snapshot())::text::int8,
      pg_backend_pid(), current_setting('\(markParameter)', true)
    FROM pg_is_in_recovery() AS recovery
    """

  /// Why this server must not hold anything that was acknowledged; empty when it may.
  public var refusals: [String] {
    var refusals: [String] = []
    if version < Connection.oldestServerVersion {
      refusals.append("PostgreSQL \(version / 10_000) is too old: 13 is the oldest that will do")
    }
    if isInRecovery { refusals.append("the server is a standby: use the primary") }
    if !fsync { refusals.append("fsync is off: a crash would lose commits; set fsync = on") }
    if !fullPageWrites {
      refusals.append("full_page_writes is off: a crash could damage pages; set it on")
    }
    if dataSyncRetry {
      refusals.append("data_sync_retry is on: a failed fsync could lose commits; set it off")
    }
    if isPooled {
      refusals.append(
        "a connection pooler shares sessions between transactions: set it to pool_mode = session, "
          + "or connect to PostgreSQL itself")
    }
    return refusals
  }

  /// What a reconnect says about everything that was read before it.
  public enum Continuity: Hashable, Sendable {
    /// The same server went on: what was read is still true.
    case unbroken
    /// Another server was promoted: commits that it had not received may be missing.
    case promoted
    /// Another cluster, or an earlier state of this one: acknowledged commits are missing.
    case wentBack(reason: String)
  }

  /// Compares with the facts that were seen on the connection before.
  public func continuity(since earlier: ServerFacts) -> Continuity {
    if systemIdentifier != earlier.systemIdentifier {
      return .wentBack(
        reason: "system identifier \(systemIdentifier), was \(earlier.systemIdentifier)")
    }
    if timeline < earlier.timeline {
      return .wentBack(reason: "timeline \(timeline), was \(earlier.timeline)")
    }
    if flushedPosition < earlier.flushedPosition {
      return .wentBack(
        reason: "WAL position \(flushedPosition), was \(earlier.flushedPosition)")
    }
    return timeline > earlier.timeline ? .promoted : .unbroken
  }
}
