import Logging
import PostgreSQL
import ProgressorEngine

/// Deletes what is over of a writer's shards, between its batches and under the fence, like
/// everything that writes: piece by piece, with pauses in which batches have the writer. Where it
/// had got to is in the database: another owner goes on there.
struct Sweep {
  /// What it deletes.
  struct Subject {
    /// For people.
    let name: String
    /// Takes the node, its slot, the slots, the rows of a piece, and `bound`. Answers whether there
    /// is more, what is damaged, and what was put off.
    let statement: Statement
    /// What else limits a piece.
    let bound: Int64
    /// Between two pieces at least.
    let breather: Int64
    /// Where what was deleted is counted; nil = the statement does not tell.
    var counter: SweptRows.Table?
  }

  private let subject: Subject
  private let configuration: StorageConfiguration
  private let slot: Int
  private let swept: SweptBoard
  /// On `LocalClock.uptime`.
  private var next: Int64
  /// Of the next piece: fewer after one that took too long.
  private var rows = Sweep.maximumRows
  private var obstacles = 0
  private var latestObstacle: Int64 = 0
  private var rest = SweepRest()

  /// Of one piece: batches wait meanwhile. A long value takes a row per 2 KB.
  static let maximumRows: Int32 = 1_000
  /// A piece is followed by a pause of so many times what it took, so that batches have the writer
  /// for most of the time.
  private static let restPerWork: Int64 = 4
  /// What was called for closely after another call shares a piece with it.
  private static let gathering: Int64 = 50_000
  /// Between two attempts to have a session.
  private static let retryInterval: Int64 = 500_000
  /// Obstacles of which one warning tells.
  private static let obstaclesPerWarning = 5
  /// Microseconds after which an obstacle is no reason for a warning any more.
  private static let obstacleMemory: Int64 = 60_000_000

  init(
    _ subject: Subject, configuration: StorageConfiguration, slot: Int, swept: SweptBoard
  ) {
    self.swept = swept
    self.subject = subject
    self.configuration = configuration
    self.slot = slot
    next = LocalClock.uptime() + configuration.sweepInterval.microseconds
  }

  /// The time until the next piece. One that is due and was not begun has no lease to run under.
  var pause: Duration {
    let rest = next - LocalClock.uptime()
    return .microseconds(rest > 0 ? max(1_000, rest) : 100_000)
  }

  /// There is something to do.
  mutating func call() {
    next = min(next, LocalClock.uptime() + Self.gathering)
  }

  mutating func runIfDue<Item>(
    as node: SQLUUID, on writer: WriterSession<Item>, _ logger: Logger
  ) {
    let begun = LocalClock.uptime()
    guard begun >= next else { return }
    next = begun + configuration.sweepInterval.microseconds
    let connection: Connection
    let identity: WriterIdentity
    do {
      guard let open = try writer.open(for: node) else { return }
      (connection, identity) = open
    } catch {
      return reopen(writer)
    }
    if let rest = rest.until, begun < rest {
      next = rest
      return
    }
    do {
      heed(try delete(under: identity, on: connection), begun: begun, logger)
      if rest.ended() { logger.notice("rows of \(subject.name) are deleted again") }
    } catch {
      failed(error, writer, logger)
    }
  }

  private mutating func failed<Item>(
    _ error: PostgreSQLError, _ writer: WriterSession<Item>, _ logger: Logger
  ) {
    let now = LocalClock.uptime()
    logger.debug("a sweep ended early", metadata: ["of": "\(subject.name)", "error": "\(error)"])
    if error.sqlState == .lockNotAvailable || error.sqlState == .queryCanceled {
      // The session is as good as before.
      rows = max(1, rows / 2)
      return count(error.description, at: now, logger)
    }
    // The session may be to blame.
    reopen(writer)
    if error.raised == .fenced { return }
    if rest.failed(at: now) {
      logger.error(
        "rows of \(subject.name) cannot be deleted; it is tried again, once a minute at least",
        metadata: ["error": "\(error)"])
    }
  }

  /// That there is no session must be known before a batch needs it.
  private mutating func reopen<Item>(_ writer: WriterSession<Item>) {
    writer.close()
    next = min(next, LocalClock.uptime() + Self.retryInterval)
  }

  /// What a piece came to.
  private struct Findings {
    var isMore: Bool
    var damage: String?
    var obstacle: String?

    init(_ row: Row) throws(PostgreSQLError) {
      isMore = try row.value(0)
      damage = try row.optional(1)
      obstacle = try row.optional(2)
    }
  }

  private mutating func heed(_ findings: Findings, begun: Int64, _ logger: Logger) {
    let end = LocalClock.uptime()
    if let damage = findings.damage {
      logger.error(
        "rows of \(subject.name) cannot be deleted; they are tried again in an hour",
        metadata: ["error": "\(damage)"])
    }
    if let obstacle = findings.obstacle { count(obstacle, at: end, logger) }
    if findings.isMore {
      rows = min(Self.maximumRows, rows * 2)
      next = min(next, end + max(subject.breather, Self.restPerWork * (end - begun)))
    }
  }

  private mutating func count(_ obstacle: String, at now: Int64, _ logger: Logger) {
    if now - latestObstacle > Self.obstacleMemory { obstacles = 0 }
    latestObstacle = now
    obstacles += 1
    guard obstacles.isMultiple(of: Self.obstaclesPerWarning) else { return }
    logger.warning(
      "rows of \(subject.name) are locked, or take long to delete: they are put off",
      metadata: ["times": "\(obstacles)", "error": "\(obstacle)"])
  }

  /// What takes longer is cancelled, and put off: batches wait meanwhile.
  private var limit: Duration { configuration.leaseDuration / 16 }

  /// One piece.
  private func delete(
    under identity: WriterIdentity, on connection: Connection
  ) throws(PostgreSQLError) -> Findings {
    var pipeline = FencedPipeline(under: identity, limit: limit)
    pipeline.append(
      subject.statement,
      .with {
        $0.append(identity.node)
        $0.append(Int32(identity.slot))
        $0.append(Int32(configuration.slots))
        $0.append(rows)
        $0.append(subject.bound)
      })
    let outcome = try pipeline.commit(on: connection, timeout: configuration.leaseDuration / 4)
    let row = try outcome.onlyResult().onlyRow()
    if let counter = subject.counter { swept.add(try row.value(3), to: counter) }
    return try Findings(row)
  }
}

extension Sweep.Subject {
  /// Events and notifications of removed machines. Bound: no more begun after so many bytes.
  static let removedMachines = Self(
    name: "removed machines", statement: Statements.sweepRemoved, bound: 4 << 20, breather: 10_000)

  /// Expired idempotency keys. Bound: so many of a shard.
  static let expiredKeys = Self(
    name: "expired idempotency keys", statement: Statements.sweepIdempotency, bound: 50,
    breather: 100_000, counter: .idempotency)

  /// What was recorded of steps long ago. Bound: so many of a shard.
  static let oldTraces = Self(
    name: "old records of steps", statement: Statements.sweepTrace, bound: 500, breather: 20_000,
    counter: .trace)

  /// What the feed keeps no longer. Bound: so many of a shard's part of a namespace.
  static let oldFeed = Self(
    name: "old entries of the feed", statement: Statements.trimFeed, bound: 500, breather: 20_000,
    counter: .feed)
}
