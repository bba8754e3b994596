import Logging
import PostgreSQL
import ProgressorEngine

/// Reads what the engine has not in memory: all loads that wait, in one pipeline, on a connection
/// and a thread of its own.
final class MachineLoader: Sendable {
  struct Item: Sendable {
    var request: LoadRequest
    /// On `LocalClock.uptime`: answered `unavailable` after it.
    var deadline: Int64
  }

  private let thread: ConnectionThread<Item>
  private let timeout: Duration
  private let deliver: @Sendable (Input) -> Void

  /// Loads in one pipeline: more are no faster and take more memory at once.
  private static let roundSize = 128

  init(
    configuration: StorageConfiguration, watch: DatabaseWatch, logger: Logger,
    deliver: @escaping @Sendable (Input) -> Void
  ) throws(PostgreSQLError) {
    self.deliver = deliver
    timeout = configuration.readTimeout
    thread = try ConnectionThread(
      name: "pg-loader", settings: configuration.readerSettings(for: "loader"),
      capacity: configuration.maximumWaitingReads
    ) { session in
      let reader = ReaderSession(
        session: session, watch: watch, timeout: configuration.readTimeout, logger: logger)
      let loop = LoadLoop(reader: reader, deliver: deliver)
      while true {
        switch session.waitForItems(atMost: Self.roundSize) {
        case .items(let items): loop.answer(items)
        case .timedOut, .connectionLost: continue
        case .stopped: return
        }
      }
    }
  }

  /// Answered by `loaded`. From any thread.
  func load(_ request: LoadRequest) {
    let deadline = LocalClock.uptime() + timeout.microseconds
    switch thread.submit(Item(request: request, deadline: deadline)) {
    case .accepted: return
    case .full, .stopped: deliver(.loaded(request.id, .failure(.unavailable)))
    }
  }

  /// Does not wait.
  func requestStop() { thread.requestStop(gracePeriod: .zero) }

  /// Waits for the thread. Blocks.
  func join() { thread.join() }
}
