import Logging
import MachineModel
import PostgreSQL

/// A connection and a thread for who looks at the whole: the census and the state of the cluster on
/// one, exports on another. No request that serves a machine waits for it, nor it for them, and a
/// node without it serves on: its absence is nobody's outage.
final class SideReader: Sendable {
  struct Item: Sendable {
    var perform: @Sendable (ConnectionSession<Item>) -> Void
    var refuse: @Sendable (ProgressorError) -> Void
  }

  private let thread: ConnectionThread<Item>
  private let watch: DatabaseWatch
  private let logger: Logger
  /// Of what is asked at once, and of opening the session.
  let timeout: Duration

  /// - Parameters:
  ///   - purpose: Names its thread and its session.
  ///   - statementTimeout: Of a statement; `timeout` is somewhat longer.
  ///   - idleTimeout: The session is closed when nobody asked for so long; nil = never.
  ///   - capacity: Requests that may wait.
  ///   - mayWrite: What is of no machine, and so not under the fence.
  init(
    _ purpose: String, configuration: StorageConfiguration, watch: DatabaseWatch, logger: Logger,
    statementTimeout: Duration, idleTimeout: Duration? = nil, capacity: Int = 100,
    mayWrite: Bool = false
  ) throws(PostgreSQLError) {
    self.watch = watch
    self.logger = logger
    timeout = statementTimeout + .seconds(1)
    var settings =
      mayWrite
      ? configuration.settings(for: purpose) : configuration.readerSettings(for: purpose)
    settings.statementTimeout = statementTimeout
    thread = try ConnectionThread(
      name: "pg-\(purpose)", settings: settings, capacity: capacity
    ) { session in
      while true {
        let waitsFor = session.connection == nil ? nil : idleTimeout
        switch session.waitForItems(atMost: 1, timeout: waitsFor) {
        case .items(let items): for item in items { item.perform(session) }
        case .timedOut: session.disconnect()
        case .connectionLost: continue
        case .stopped: return
        }
      }
    }
  }

  /// Runs `body` with the connection, on the store's thread. Throws STORAGE_UNAVAILABLE when the
  /// database does not answer in time.
  func perform<Value: Sendable>(
    _ body: @escaping @Sendable (Connection) throws(PostgreSQLError) -> Value
  ) async throws(ProgressorError) -> Value {
    let (thread, watch, logger, timeout) = (thread, watch, logger, timeout)
    let result: Result<Value, ProgressorError> = await withCheckedContinuation { continuation in
      let item = Item(
        perform: {
          continuation.resume(returning: Self.run(body, on: $0, watch, logger, timeout))
        },
        refuse: { continuation.resume(returning: .failure($0)) })
      switch thread.submit(item) {
      case .accepted: return
      case .full: item.refuse(.overloaded("too many ask for the whole at once"))
      case .stopped: item.refuse(.storageUnavailable)
      }
    }
    return try result.get()
  }

  private static func run<Value>(
    _ body: (Connection) throws(PostgreSQLError) -> Value, on session: ConnectionSession<Item>,
    _ watch: DatabaseWatch, _ logger: Logger, _ timeout: Duration
  ) -> Result<Value, ProgressorError> {
    do {
      let connection = try session.connect { (connection) throws(PostgreSQLError) in
        try watch.inspect(connection, timeout: timeout)
      }
      return .success(try body(connection))
    } catch {
      // That the database is away, others say.
      logger.debug("a look at the whole failed", metadata: ["error": "\(error)"])
      session.disconnect()
      return .failure(.storageUnavailable)
    }
  }

  /// Does not wait.
  func requestStop() { thread.requestStop(gracePeriod: .zero) }

  /// Waits for the thread. Blocks.
  func join() { thread.join() }
}
