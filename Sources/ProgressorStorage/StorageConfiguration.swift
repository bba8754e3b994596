public import PostgreSQL

/// How storage reaches its database and how long it waits.
public struct StorageConfiguration: Sendable {
  /// Where the database is, as libpq's connection string.
  public var database: ConnectionString
  /// Shards of a new database. An initialised one keeps its number.
  public var shards: Int32 = 1_024
  /// Writer connections; must be the engine's `EngineConfiguration.slots`.
  public var slots = 2
  /// Shown in the table of nodes, for people.
  public var nodeName = "progressor"
  /// Where the node listens, for people; empty = not told.
  public var nodeAddress = ""
  /// The version of the program, for people.
  public var nodeVersion = ""
  /// When the process was started, on `LocalClock.uptime`.
  public var startedAt = LocalClock.uptime()
  /// How long the lease holds without a renewal. A standby takes over after it.
  public var leaseDuration: Duration = .seconds(10)
  /// What is taken off the lease for local trust: clocks do not run at exactly one speed.
  public var leaseMargin: Duration = .seconds(1)
  /// No other node can be alive: the database belongs to this process, as in its own cluster under
  /// a locked data directory. Leases of earlier processes are then taken over at once.
  public var isExclusive = false
  /// Whether a start may make the schema and change it; else one that is not up to date is refused.
  public var mayMigrate = true
  /// Set when the database was put back to an earlier time: before anything runs all namespaces are
  /// paused, with this as the reason, and no number of its later owners is given out again.
  public var restored: String?
  /// How long a start waits for another node that changes the schema.
  public var schemaPatience: Duration = .seconds(30)
  /// A read is answered `unavailable` after about so long.
  public var readTimeout: Duration = .seconds(5)
  /// A machine fails for damage in the database only if its step meets it again and again for so
  /// long.
  public var damagePatience: Duration = .seconds(30)
  /// Between two rounds of forgetting expired idempotency keys.
  public var sweepInterval: Duration = .seconds(5)
  /// Between two looks at the namespaces, which other nodes may have changed.
  public var namespaceInterval: Duration = .milliseconds(1_500)
  /// Reads that may wait; more are answered `unavailable`.
  public var maximumWaitingReads = 100_000

  public init(database: ConnectionString) {
    self.database = database
  }
}

extension StorageConfiguration {
  /// Sessions that a running node has at once: a writer per slot, those of the loader, and one each
  /// for the lease, lists, timers and namespaces, requests about repair jobs and their work,
  /// the census, the feed and its consumers.
  public var sessions: Int { Self.sessions(slots: slots) }

  /// How many sessions a node with so many writers has at the same time.
  public static func sessions(slots: Int) -> Int { max(1, slots) + MachineLoader.sessions + 9 }

  /// No takeover above this difference of clocks: timers would fire wrong.
  static let maximumClockOffset: Int64 = 500_000

  /// The settings of a session, by what it does.
  func settings(for purpose: String) -> ConnectionSettings {
    var settings = ConnectionSettings(
      target: database, applicationName: "progressor/\(purpose)")
    settings.connectTimeout = min(settings.connectTimeout, leaseDuration)
    settings.tcpUserTimeout = leaseDuration
    // The settings against sequential scans make plans look expensive: compiling them is no help. A
    // bitmap loses the order of its index, for the sake of which pages of machines use one.
    settings.sessionParameters = [
      "search_path": "progressor", "jit": "off", "enable_bitmapscan": "off",
    ]
    return settings
  }
}
