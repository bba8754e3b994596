import Logging
import MachineModel
import PostgreSQL

/// A connection and a thread for the rows of repair jobs. Operators ask on one, the work of the
/// jobs goes over another, so that neither waits for what the other counts.
final class RepairJobStore: Sendable {
  /// What is done on the connection, and told when there is none.
  struct Item: Sendable {
    var perform: @Sendable (ReaderSession<Item>) -> Void
    var refuse: @Sendable (ProgressorError) -> Void
  }

  private let thread: ConnectionThread<Item>

  private static let capacity = 1_000
  /// A namespace may have millions of failed machines to count.
  private static let timeout: Duration = .seconds(30)

  /// - Parameter purpose: names its thread and its session.
  init(
    _ purpose: String, configuration: StorageConfiguration, watch: DatabaseWatch, logger: Logger
  ) throws(PostgreSQLError) {
    var settings = configuration.settings(for: purpose)
    settings.statementTimeout = Self.timeout
    thread = try ConnectionThread(
      name: "pg-\(purpose)", settings: settings, capacity: Self.capacity
    ) { session in
      let reader = ReaderSession(
        session: session, watch: watch, timeout: Self.timeout, logger: logger)
      while true {
        switch reader.waitForItems(atMost: 1) {
        case .items(let items): for item in items { item.perform(reader) }
        case .timedOut, .connectionLost: continue
        case .stopped: return
        }
      }
    }
  }

  /// Runs `body` with the connection and the time that a statement may take, on the store's thread.
  /// Throws what it throws, INTERNAL for rows that cannot be read, and STORAGE_UNAVAILABLE when the
  /// database does not answer; what it changed may be there then.
  func perform<Value: Sendable>(
    _ body: @escaping @Sendable (Connection, Duration) throws -> Value
  ) async throws(ProgressorError) -> Value {
    let thread = thread
    let result: Result<Value, ProgressorError> = await withCheckedContinuation { continuation in
      let item = Item(
        perform: { continuation.resume(returning: Self.run(body, on: $0)) },
        refuse: { continuation.resume(returning: .failure($0)) })
      switch thread.submit(item) {
      case .accepted: return
      case .full: item.refuse(.overloaded("too many requests about repair jobs at once"))
      case .stopped: item.refuse(.storageUnavailable)
      }
    }
    return try result.get()
  }

  private static func run<Value>(
    _ body: (Connection, Duration) throws -> Value, on reader: ReaderSession<Item>
  ) -> Result<Value, ProgressorError> {
    do {
      return .success(try body(try reader.connection(), reader.timeout))
    } catch let error as ProgressorError {
      return .failure(error)
    } catch let error as PostgreSQLError where error.scope == .unexpectedValue {
      return .failure(.damagedRepairJob(error))
    } catch let error as PostgreSQLError where error.isOfStoredRows {
      reader.logger.warning(
        "rows of a repair job cannot be read or stored", metadata: ["error": "\(error)"])
      return .failure(.damagedRepairJob(error))
    } catch {
      // That the database is away, others say: here it would be said every other second.
      let isOurs = (error as? PostgreSQLError)?.scope == .statement
      reader.logger.log(
        level: isOurs ? .warning : .debug, "a repair job cannot be read or stored",
        metadata: ["error": "\(error)"])
      reader.session.disconnect()
      return .failure(.storageUnavailable)
    }
  }

  /// Does not wait.
  func requestStop() { thread.requestStop(gracePeriod: .zero) }

  /// Waits for the thread. Blocks.
  func join() { thread.join() }
}
