import EmbeddedPostgreSQL
import Logging
import MachineModel
import PostgreSQL
import ProgressorEngine
import Synchronization

@testable import ProgressorStorage

/// A storage on an empty database, with the inbox that it delivers to.
final class TestStorage: Sendable {
  let storage: Storage
  let inbox: Inbox
  let configuration: StorageConfiguration
  let database: String
  let log = LogLines()
  private let numbers = Atomic<UInt64>(0)

  /// Starts one; `adjust` changes its configuration first.
  ///
  /// - Parameter namespace: Whether there is the namespace of every `TestMachine`.
  init(
    database: String, inbox: Inbox = Inbox(), namespace: Bool = true,
    _ adjust: (inout StorageConfiguration) -> Void = { _ in }
  ) throws {
    var configuration = StorageConfiguration(database: try ConnectionString(database))
    configuration.shards = 8
    configuration.slots = 2
    adjust(&configuration)
    self.configuration = configuration
    self.database = database
    self.inbox = inbox
    storage = try Storage.start(configuration, logger: log.logger, deliver: inbox.deliver)
    if namespace {
      let settings = try Self.settings(database, name: "progressor-tests")
      let connection = try Connection.open(settings)
      defer { connection.close() }
      try connection.runScript(
        """
        INSERT INTO namespace (name, endpoint) VALUES ('orders', 'h:1') ON CONFLICT DO NOTHING
        """, timeout: .seconds(10))
    }
  }

  /// One on a new database of the shared cluster, once it owns all shards.
  static func owner(
    namespace: Bool = true, _ adjust: (inout StorageConfiguration) -> Void = { _ in }
  ) async throws -> TestStorage {
    let test = try TestStorage(
      database: try await TemporaryServer.shared().createDatabase(), namespace: namespace, adjust)
    _ = try await test.grants()
    return test
  }

  /// The next shards that are acquired.
  @discardableResult
  func grants() async throws -> [ShardGrant] {
    try await inbox.next("shards acquired") {
      if case .shardsAcquired(let grants) = $0 { grants } else { nil }
    }
  }

  func lost() async throws -> [ShardID] {
    try await inbox.next("shards lost") {
      if case .shardsLost(let shards) = $0 { shards } else { nil }
    }
  }

  /// How a batch ended; `commitDelayed` is left in the inbox.
  enum Outcome: Equatable, Sendable {
    case committed
    case refused(String)
    case fenced
  }

  /// Hands a batch over and returns its number.
  func submit(_ records: [CommitRecord], slot: Int = 0, expectsLocks: Bool = false) -> BatchID {
    let id = BatchID(numbers.wrappingAdd(1, ordering: .relaxed).newValue)
    storage.perform(
      .commit(CommitBatch(id: id, slot: slot, records: records, expectsLocks: expectsLocks)))
    return id
  }

  func outcome(of id: BatchID, within limit: Duration = .seconds(30)) async throws -> Outcome {
    try await inbox.next("answer to the batch", within: limit) { input in
      switch input {
      case .committed(id): .committed
      case .refused(id, let refusal): .refused(refusal.code)
      case .fenced(id): .fenced
      default: nil
      }
    }
  }

  func refusal(of id: BatchID) async throws -> CommitRefusal {
    try await inbox.next("refusal") {
      if case .refused(id, let refusal) = $0 { refusal } else { nil }
    }
  }

  func commit(_ records: [CommitRecord], slot: Int = 0) async throws -> Outcome {
    try await outcome(of: submit(records, slot: slot))
  }

  /// Loads one machine.
  func load(
    _ machine: TestMachine, row: Bool = true, history: HistoryRange? = nil, key: String? = nil,
    notificationsAfter: Int64? = nil
  ) async throws -> Result<Loaded, ReadFailure> {
    let id = LoadID(numbers.wrappingAdd(1, ordering: .relaxed).newValue)
    storage.perform(
      .load(
        LoadRequest(
          id: id, shard: machine.shard, namespace: machine.namespace, machine: machine.machine,
          row: row, history: history, idempotencyKey: key,
          notificationsAfter: notificationsAfter)))
    return try await inbox.next("answer to the load") {
      if case .loaded(id, let result) = $0 { result } else { nil }
    }
  }

  func list(
    _ status: StatusFilter = .any, prefix: String = "", pageSize: Int32 = 1000,
    after: String? = nil, namespace: NamespaceNumber = TestMachine.namespace
  ) async throws -> Result<[Machine], ReadFailure> {
    let query = ListQuery(
      status: status, idPrefix: prefix, pageSize: pageSize, after: after)
    return try await page(query, namespace: namespace).map(\.machines)
  }

  func page(
    _ query: ListQuery, namespace: NamespaceNumber = TestMachine.namespace
  ) async throws -> Result<MachinePage, ReadFailure> {
    try await read(.machines(namespace, namespace: "orders", query)).map { found in
      if case .machines(let page) = found { page } else { MachinePage(machines: []) }
    }
  }

  /// What is found of many rows.
  func read(_ listing: Listing) async throws -> Result<Listed, ReadFailure> {
    let id = RequestID(numbers.wrappingAdd(1, ordering: .relaxed).newValue)
    storage.perform(.list(id, listing))
    return try await inbox.next("answer to the list") {
      if case .listed(id, let result) = $0 { result } else { nil }
    }
  }

  func trace(
    _ machine: TestMachine, before: Int64 = 0, limit: Int32 = 100
  ) async throws -> Result<[StepRecord]?, ReadFailure> {
    let id = RequestID(numbers.wrappingAdd(1, ordering: .relaxed).newValue)
    let query = TraceQuery(before: before, limit: limit)
    storage.perform(.readTrace(id, machine.namespace, machine.machine, query))
    return try await inbox.next("answer to the question what happened") {
      if case .traceRead(id, let result) = $0 { result } else { nil }
    }
  }

  func due(
    _ spans: DueSpan..., of part: ShardPart = .all
  ) async throws -> [Result<DuePage, ReadFailure>] {
    let query = DueQuery(
      number: numbers.wrappingAdd(1, ordering: .relaxed).newValue, part: part, spans: spans)
    storage.perform(.readDue(query))
    return try await inbox.next("answer to the look ahead") {
      if case .due(query, let pages) = $0 { pages } else { nil }
    }
  }

  /// A session on the same database, beside the storage.
  func connect(name: String = "progressor-tests") throws -> Connection {
    var settings = configuration.settings(for: "tests")
    settings.applicationName = name
    return try Connection.open(settings)
  }
}

extension Connection {
  /// The only value of the only row.
  func scalar<Value: SQLValue>(_ sql: String, as _: Value.Type = Value.self) throws -> Value {
    try query(sql, timeout: .seconds(30)).onlyRow().value(0)
  }

  /// Waits until the query answers true. It is the server that pauses in between.
  func waitUntil(_ condition: String) throws {
    for _ in 0..<2_000 {
      if try scalar("SELECT coalesce((\(condition)), false) FROM pg_sleep(0.005)") { return }
    }
    throw Inbox.Missing(description: "never true: \(condition)")
  }
}

extension TestStorage {
  /// Settings of a session beside any storage.
  static func settings(_ database: String, name: String) throws -> ConnectionSettings {
    let configuration = StorageConfiguration(database: try ConnectionString(database))
    var settings = configuration.settings(for: "tests")
    settings.applicationName = name
    return settings
  }
}
