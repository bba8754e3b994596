import Logging
import MachineModel
import PostgreSQL
import ProgressorEngine

/// Reads pages of machines, or of what happened to one: `List` and `Trace`; or the look ahead among
/// what becomes due. On a connection of its own, so that a slow page delays no load, and many pages
/// no look ahead.
final class Scanner: Sendable {
  enum Scan: Sendable {
    case list(RequestID, Listing)
    case trace(RequestID, TracePage)
    case due(DueQuery, SQLUUID?)
    case messages(MessageQuery, SQLUUID?)
    case loadMessages(MessageLoad)
  }

  struct Item: Sendable {
    var scan: Scan
    /// On `LocalClock.uptime`.
    var deadline: Int64
  }

  private let thread: ConnectionThread<Item>
  private let timeout: Duration
  private let deliver: @Sendable (Input) -> Void

  /// - Parameter purpose: names its thread and its session.
  init(
    _ purpose: String, configuration: StorageConfiguration, watch: DatabaseWatch, logger: Logger,
    deliver: @escaping @Sendable (Input) -> Void
  ) throws(PostgreSQLError) {
    self.deliver = deliver
    timeout = configuration.readTimeout
    thread = try ConnectionThread(
      name: "pg-\(purpose)", settings: configuration.readerSettings(for: purpose),
      capacity: configuration.maximumWaitingReads
    ) { session in
      let reader = ReaderSession(
        session: session, watch: watch, timeout: configuration.readTimeout, logger: logger)
      while true {
        switch reader.waitForItems(atMost: 1) {
        case .items(let items):
          for item in items { Self.answer(item, reader, deliver) }
        case .timedOut, .connectionLost: continue
        case .stopped: return
        }
      }
    }
  }

  /// Answered by `listed`, `traceRead`, `due`, `messagesDue` or `messagesLoaded`. From any thread.
  func read(_ scan: Scan) {
    let deadline = LocalClock.uptime() + timeout.microseconds
    switch thread.submit(Item(scan: scan, deadline: deadline)) {
    case .accepted: return
    case .full, .stopped: Self.fail(scan, .unavailable, deliver)
    }
  }

  /// Does not wait.
  func requestStop() { thread.requestStop(gracePeriod: .zero) }

  /// Waits for the thread. Blocks.
  func join() { thread.join() }

  /// Answers exactly once; tries again until the deadline while the database is away. What has
  /// waited longer than that is not read at all: whoever asked is gone.
  private static func answer(
    _ item: Item, _ reader: ReaderSession<Item>, _ deliver: (Input) -> Void
  ) {
    if LocalClock.uptime() >= item.deadline {
      fail(item.scan, .unavailable, deliver)
      return
    }
    var backoff = Backoff(initial: .milliseconds(20), maximum: .milliseconds(500))
    while true {
      do {
        let connection = try reader.connection()
        switch item.scan {
        case .list(let id, let listing):
          let found = try listing.read(on: connection, timeout: reader.timeout)
          deliver(.listed(id, .success(found)))
        case .trace(let id, let page):
          deliver(.traceRead(id, .success(try page.read(on: connection, timeout: reader.timeout))))
        case .due(let query, let node):
          deliver(.due(query, try pages(of: query, node, on: connection, reader.timeout)))
        case .messages(let query, let node):
          guard let node else {
            fail(item.scan, .unavailable, deliver)
            return
          }
          let page = try query.read(node, on: connection, timeout: reader.timeout)
          deliver(.messagesDue(query, .success(page)))
        case .loadMessages(let load):
          let loaded = try load.read(on: connection, timeout: reader.timeout)
          deliver(.messagesLoaded(load.id, .success(loaded)))
        }
        return
      } catch {
        if let failure = ReadFailure(error) {
          fail(item.scan, failure, deliver)
          return
        }
        reader.session.disconnect()
        guard LocalClock.uptime() < item.deadline, reader.pause(&backoff) else {
          fail(item.scan, .unavailable, deliver)
          return
        }
        reader.logger.debug("a read is repeated", metadata: ["error": "\(error)"])
      }
    }
  }

  /// A span that cannot be read for damage is nobody else's fault: each alone then.
  private static func pages(
    of query: DueQuery, _ node: SQLUUID?, on connection: Connection, _ timeout: Duration
  ) throws(PostgreSQLError) -> [Result<DuePage, ReadFailure>] {
    // Without a lease nothing is this node's, and nothing was looked at.
    guard let node else { return query.spans.map { _ in .failure(.unavailable) } }
    do {
      return try DuePages(spans: query.spans, part: query.part, node: node)
        .read(on: connection, timeout: timeout)
        .map { .success($0) }
    } catch {
      guard let failure = ReadFailure(error), error.isDamage else { throw error }
      guard query.spans.count > 1 else { return [.failure(failure)] }
    }
    var pages: [Result<DuePage, ReadFailure>] = []
    for span in query.spans {
      let single = DueQuery(number: query.number, part: query.part, spans: [span])
      pages += try Self.pages(of: single, node, on: connection, timeout)
    }
    return pages
  }

  private static func fail(_ scan: Scan, _ failure: ReadFailure, _ deliver: (Input) -> Void) {
    switch scan {
    case .list(let id, _): deliver(.listed(id, .failure(failure)))
    case .trace(let id, _): deliver(.traceRead(id, .failure(failure)))
    case .due(let query, _): deliver(.due(query, query.spans.map { _ in .failure(failure) }))
    case .messages(let query, _): deliver(.messagesDue(query, .failure(failure)))
    case .loadMessages(let load): deliver(.messagesLoaded(load.id, .failure(failure)))
    }
  }
}

extension Listing {
  fileprivate func read(
    on connection: Connection, timeout: Duration
  ) throws(PostgreSQLError) -> Listed {
    switch self {
    case .machines(let number, let namespace, let query):
      let page = ListPage(number: number, namespace: namespace, query: query)
      return .machines(try page.read(on: connection, timeout: timeout))
    case .counts(let number):
      return .counts(try MachineCounts(number).read(on: connection, timeout: timeout))
    case .notifications(let shard, let number, let machine, let query):
      let queue = NotificationList(shard, number, machine, query)
      return .notifications(try queue.read(on: connection, timeout: timeout))
    case .messages(let shard, let number, let machine, let query):
      let list = MessageList(shard, number, machine, query)
      return .messages(try list.read(on: connection, timeout: timeout))
    }
  }
}
