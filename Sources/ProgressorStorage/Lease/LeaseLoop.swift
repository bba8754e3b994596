import Logging
import MachineModel
import PostgreSQL
import ProgressorEngine

/// The body of the lease keeper's thread: one turn after the other, each with an end.
struct LeaseLoop {
  let session: ConnectionSession<LeaseKeeper.Nudge>
  let configuration: StorageConfiguration
  /// Of the database.
  let shards: Int32
  let namespaces: NamespaceStore
  let watch: DatabaseWatch
  let progress: CommitProgress
  let status: StatusBoard
  let logger: Logger

  private var lease: LeaseState { watch.lease }
  private var backoff = Backoff(initial: .milliseconds(50), maximum: .seconds(1))
  /// On `LocalClock.uptime`.
  private var nextRenewal: Int64 = 0
  /// Since when the database answers, whatever it says; nil = it did not at the last attempt.
  private var answersSince: Int64?
  /// As the lease counted them when the connection was opened.
  private var replacements = 0
  private var begunAt: Int64 = 0
  /// The last node that this process was. Its row may be there still.
  private var previous: SQLUUID?
  private var didFail = false
  private var clock = ClockOffset()

  init(
    session: ConnectionSession<LeaseKeeper.Nudge>, configuration: StorageConfiguration,
    shards: Int32, namespaces: NamespaceStore, watch: DatabaseWatch, progress: CommitProgress,
    status: StatusBoard, logger: Logger
  ) {
    self.session = session
    self.configuration = configuration
    self.shards = shards
    self.namespaces = namespaces
    self.watch = watch
    self.progress = progress
    self.status = status
    self.logger = logger
  }

  private var duration: Int64 { configuration.leaseDuration.microseconds }
  private var timeout: Duration { configuration.leaseDuration / 2 }

  mutating func run() {
    while true {
      turn()
      // A standby looks for dead nodes ten times per lease, and often enough to have the shards of
      // a node that stopped within a second.
      let pause =
        didFail ? backoff.next() : min(configuration.leaseDuration / 10, .milliseconds(300))
      switch session.waitForItems(timeout: pause) {
      case .items, .timedOut, .connectionLost:
        continue
      case .stopped:
        release(on: session.connection)
        return
      }
    }
  }

  private mutating func turn() {
    let replacements = watch.lease.replacements
    if replacements != self.replacements { session.disconnect() }
    self.replacements = replacements
    do {
      let connection = try watch.connect(session, timeout: timeout)
      if answersSince == nil { answersSince = LocalClock.uptime() }
      try look(on: connection)
      didFail = false
      backoff = Backoff(initial: .milliseconds(50), maximum: .seconds(1))
    } catch {
      if !didFail { logger.error("the lease cannot be kept", metadata: ["error": "\(error)"]) }
      didFail = true
      status.leaseFailed(error.description)
      if !error.isAnswer { answersSince = nil }
      if error.raised == .fenced {
        // By its clock the database holds the lease for over: it may have jumped. Renew at once.
        nextRenewal = 0
      } else if !error.isAnswer || error.sqlState?.errorClass == "0A" {
        // 0A: the session may hold a plan from before a change of the schema.
        session.disconnect()
      }
    }
  }

  /// Looks after the lease: gives it up, begins it, renews it, takes shards.
  private mutating func look(on connection: Connection) throws(PostgreSQLError) {
    let isTimeToRenew = LocalClock.uptime() >= nextRenewal
    // Before anything that may take its time.
    if isTimeToRenew, !commitsAreStuck { try renew(on: connection) }
    let refusal = try hearOfSlowBatches(on: connection)
    if let node = lease.node, commitsAreStuck {
      logger.critical("commits are stuck while the database answers: the lease is given up")
      lease.giveUp(node, at: LocalClock.uptime())
      try abdicate(node, on: connection)
    }
    if let refusal { throw refusal }
    if lease.node == nil {
      guard lease.mayBegin else { return }
      try begin(on: connection)
    }
    if LocalClock.uptime() >= nextRenewal { try renew(on: connection) }
    guard let node = lease.node else { return }
    // Who owns everything looks less often: only for what dead standbys left behind.
    if isTimeToRenew || lease.shardCount < Int(shards) { try take(as: node, on: connection) }
  }

  /// Asks PostgreSQL which of the batches that take long it is at work on. Their age says nothing
  /// then. It gets an eighth of the lease, and half of that until the server cancels it: then
  /// nothing is heard of them. Nor is when it refuses to tell: answers why.
  private func hearOfSlowBatches(
    on connection: Connection
  ) throws(PostgreSQLError) -> PostgreSQLError? {
    let now = LocalClock.uptime()
    let silent = progress.sessions(silentSince: now - duration / 8)
    if silent.isEmpty { return nil }
    var pipeline = Pipeline()
    pipeline.append(
      Statements.sessionStatementTimeout, .with { $0.append("\(max(1, duration / 16_000))") })
    pipeline.append(
      Statements.workingSessions,
      .with {
        $0.appendArray(silent) { Int32(clamping: $0.slot) }
        $0.appendArray(silent) { $0.backend.processID }
        $0.appendArray(silent) { $0.backend.startedAt }
      })
    do {
      for row in try connection.run(pipeline, timeout: timeout / 4)[1] {
        let slot: Int32 = try row.value(0)
        progress.sign(slot: Int(slot), at: now)
      }
      return nil
    } catch {
      guard error.isAnswer else { throw error }
      return error.sqlState == .queryCanceled ? nil : error
    }
  }

  /// Whether a batch makes no progress although the database answers us: another node may do
  /// better, if there can be one. While the database is away as a whole, nobody does, and the batch
  /// is kept.
  private var commitsAreStuck: Bool {
    guard !configuration.isExclusive, let oldest = progress.oldest, let answersSince else {
      return false
    }
    return LocalClock.uptime() - max(oldest, answersSince, begunAt) >= duration / 2
  }

  private mutating func begin(on connection: Connection) throws(PostgreSQLError) {
    if let previous { try abdicate(previous, on: connection) }
    let node = SQLUUID.random()
    var pipeline = Pipeline()
    pipeline.append(
      Statements.registerNode,
      .with {
        $0.append(node)
        $0.append(duration)
        $0.append(configuration.nodeName)
        $0.append(Migration.newest)
        $0.append(configuration.nodeAddress)
        $0.append(configuration.nodeVersion)
        $0.append(LocalClock.uptime() - configuration.startedAt)
      })
    pipeline.append(
      Statements.registerWriters,
      .with {
        $0.append(node)
        $0.append(Int32(clamping: configuration.slots))
      })
    _ = try connection.run(pipeline, timeout: timeout)
    lease.begin(node)
    previous = node
    begunAt = LocalClock.uptime()
    nextRenewal = 0
    logger.info("a lease begins", metadata: identity(of: node))
  }

  /// A lease's node as people know it, and as the database does.
  private func identity(of node: SQLUUID) -> Logger.Metadata {
    ["node": "\(configuration.nodeName)", "lease": "\(node)"]
  }

  private mutating func renew(on connection: Connection) throws(PostgreSQLError) {
    guard let node = lease.node else { return }
    // The database may have been replaced behind a session that lives on, by a pause of a virtual
    // machine or a proxy.
    try watch.inspect(connection, timeout: timeout)
    let (sent, wallBefore) = (LocalClock.uptime(), LocalClock.wall())
    let answer = try connection.run(
      Statements.renew,
      .with {
        $0.append(node)
        $0.append(duration)
      }, timeout: timeout)
    let wallAfter = LocalClock.wall()
    guard let row = answer.first else {
      logger.error("the lease was taken over", metadata: identity(of: node))
      lease.end(node)
      return
    }
    let time: SQLTimestamp = try row.value(0)
    clock.read(database: time.microseconds, sent: wallBefore, received: wallAfter)
    nextRenewal = sent + duration / 3
    status.renewed(clockOffset: clock.microseconds, until: sent + duration)
    lease.renewed(node, until: sent + duration - configuration.leaseMargin.microseconds)
  }

  private func abdicate(_ node: SQLUUID, on connection: Connection) throws(PostgreSQLError) {
    _ = try connection.run(Statements.abdicate, .with { $0.append(node) }, timeout: timeout)
  }

  /// Takes the shards of dead nodes and those of nobody. What is owned afterwards is read, not
  /// remembered: so a takeover counts whose answer was lost.
  private func take(as node: SQLUUID, on connection: Connection) throws(PostgreSQLError) {
    guard clock.certainError <= StorageConfiguration.maximumClockOffset else {
      logger.error(
        "this machine's clock differs too much from the database's to own shards: set it right",
        metadata: ["microseconds": "\(clock.certainError)"])
      return
    }
    let takeover = Takeover(
      node: node, isExclusive: configuration.isExclusive,
      leaseDuration: configuration.leaseDuration, logger: logger)
    let grants = try takeover.run(on: connection)
    guard grants.count > lease.shardCount else { return }
    logger.info("shards are owned", metadata: ["count": "\(grants.count)"])
    // The owner before may just have made a namespace: who asks for it must not hear that there is
    // none.
    let lease = lease
    namespaces.perform(.read) { _ in lease.own(node, grants) }
  }

  /// Gives everything back in order, so that the next owner need not wait for the lease to end.
  func release(on connection: Connection?) {
    guard let node = lease.node else { return }
    lease.end(node)
    do {
      _ = try connection?.run(Statements.release, .with { $0.append(node) }, timeout: timeout)
    } catch {
      logger.warning(
        "the lease was not released; it ends by itself", metadata: ["error": "\(error)"])
    }
  }
}

extension PostgreSQLError {
  /// The database is at work, and would have done something else: the session is as good as before.
  /// What it says of itself as a whole is no answer.
  fileprivate var isAnswer: Bool {
    switch scope {
    case .statement:
      guard let sqlState else { return true }
      return sqlState == .lockNotAvailable || sqlState == .queryCanceled
        || !(sqlState.isOfServer || sqlState.isOfSession)
    case .unexpectedValue: return true
    case .configuration, .connectFailed, .connectionLost, .timeout, .stopped: return false
    }
  }
}
