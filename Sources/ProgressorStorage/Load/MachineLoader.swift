import Logging
import PostgreSQL
import ProgressorEngine
import Synchronization

/// Reads what the engine has not in memory: all loads that wait, in one pipeline, on the less busy
/// of two connections. What is large is read apart, on a third one, so that nobody else waits for
/// it.
final class MachineLoader: Sendable {
  struct Item: Sendable {
    var request: LoadRequest
    /// On `LocalClock.uptime`: answered `unavailable` after it.
    var deadline: Int64
  }

  /// Sessions that it has: `lanes`, and the one for large loads.
  static let sessions = lanes + 1
  private static let lanes = 2

  private let threads: [ConnectionThread<Item>]
  private let largeThread: ConnectionThread<Item>
  /// Loads that were handed to each thread and are not answered.
  private let loads: Loads
  private let timeout: Duration
  private let deliver: @Sendable (Input) -> Void

  /// Loads in one pipeline: more are no faster and take more memory at once.
  private static let roundSize = 128
  /// How many times the time of another load a large one has.
  private static let patience = 6

  init(
    configuration: StorageConfiguration, watch: DatabaseWatch, logger: Logger,
    deliver: @escaping @Sendable (Input) -> Void
  ) throws(PostgreSQLError) {
    self.deliver = deliver
    timeout = configuration.readTimeout
    // Less than this side waits: so the server ends a slow statement, and the session lives on.
    var largeSettings = configuration.readerSettings(for: "loader-large")
    largeSettings.statementTimeout = configuration.readTimeout / 2
    // Half of them wait in the mailbox, the other half where their deadlines are seen.
    let capacity = max(1, configuration.maximumWaitingReads / 2)
    let largeThread = try ConnectionThread<Item>(
      name: "pg-loader-large", settings: largeSettings, capacity: capacity
    ) { session in
      let reader = ReaderSession(
        session: session, watch: watch, timeout: configuration.readTimeout, logger: logger)
      var loop = LargeLoadLoop(reader: reader, capacity: capacity, deliver: deliver)
      loop.run()
    }
    self.largeThread = largeThread
    let patience = (configuration.readTimeout * Self.patience).microseconds
    let readApart: @Sendable (Item) -> Void = { item in
      var item = item
      item.deadline = LocalClock.uptime() + patience
      switch largeThread.submit(item) {
      case .accepted: return
      case .full, .stopped: deliver(.loaded(item.request.id, .failure(.unavailable)))
      }
    }
    let loads = Loads(lanes: Self.lanes)
    self.loads = loads
    var threads: [ConnectionThread<Item>] = []
    for lane in 0..<Self.lanes {
      // Half of the time: after a round in which one load was over time, the others have the rest.
      var settings = configuration.readerSettings(for: "loader-\(lane)")
      settings.statementTimeout = configuration.readTimeout / 2
      let thread = try ConnectionThread<Item>(
        name: "pg-loader-\(lane)", settings: settings, capacity: configuration.maximumWaitingReads
      ) { session in
        let reader = ReaderSession(
          session: session, watch: watch, timeout: configuration.readTimeout, logger: logger)
        let loop = LoadLoop(reader: reader, deliver: deliver, readApart: readApart)
        while true {
          switch reader.waitForItems(atMost: Self.roundSize) {
          case .items(let items):
            loop.answer(items)
            loads.ended(items.count, in: lane)
          case .timedOut, .connectionLost: continue
          case .stopped: return
          }
        }
      }
      threads.append(thread)
    }
    self.threads = threads
  }

  /// Answered by `loaded`. From any thread.
  func load(_ request: LoadRequest) {
    let deadline = LocalClock.uptime() + timeout.microseconds
    let lane = loads.begin()
    switch threads[lane].submit(Item(request: request, deadline: deadline)) {
    case .accepted: return
    case .full, .stopped:
      loads.ended(1, in: lane)
      deliver(.loaded(request.id, .failure(.unavailable)))
    }
  }

  /// Does not wait.
  func requestStop() {
    for thread in threads { thread.requestStop(gracePeriod: .zero) }
    largeThread.requestStop(gracePeriod: .zero)
  }

  /// Waits for the threads. Blocks.
  func join() {
    for thread in threads { thread.join() }
    largeThread.join()
  }
}

/// How many loads each lane has to answer.
private final class Loads: Sendable {
  private let counts: Mutex<[Int]>

  init(lanes: Int) {
    counts = Mutex(Array(repeating: 0, count: lanes))
  }

  /// The lane that a further load is best handed to; it is counted.
  func begin() -> Int {
    counts.withLock { counts in
      let lane = counts.indices.min { counts[$0] < counts[$1] } ?? 0
      counts[lane] += 1
      return lane
    }
  }

  func ended(_ number: Int, in lane: Int) {
    counts.withLock { $0[lane] -= number }
  }
}
