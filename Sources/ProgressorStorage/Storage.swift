public import Logging
public import MachineModel
import PostgreSQL
public import ProgressorEngine

/// The database of the engine: performs its effects `load`, `list`, `readTrace`, `readDue` and
/// `commit`, holds the lease, and answers with inputs.
///
/// Every method is safe from any thread, and none waits for the database except `start` and `stop`,
/// which block.
///
/// The engine's loop owes three things. It performs effects in their order. It goes on handing over
/// nothing more for a slot until the batch before was answered. And after the engine has handled a
/// `shardsLost`, and the effects of all inputs up to it are performed, it calls `acknowledgeLoss`:
/// until then no new lease begins, so that no batch from before is written under it.
public final class Storage: Sendable {
  /// Shards of this database, as fixed when it was initialised.
  public let shards: Int32

  private let configuration: StorageConfiguration
  private let lease: LeaseState
  let progress = CommitProgress()
  private let board = StatusBoard()
  private let sessions: SessionBoard
  private let damage: DamageBoard
  private let writers: [CommitWriter]
  private let loader: MachineLoader
  private let lists: Scanner
  private let lookAheads: Scanner
  private let namespaces: NamespaceStore
  let damagedRepairJobs: DamagedRepairJobs
  let repairJobRequests: RepairJobStore
  let repairJobWork: RepairJobStore
  let censusStore: SideReader
  let exportStore: SideReader
  let feedReader: SideReader
  let feedConsumers: SideReader
  let databaseSize = DatabaseSize()
  private let keeper: LeaseKeeper

  /// Checks and migrates the database, starts the threads, and returns: the lease begins on its own
  /// and is told by inputs. Blocks; throws when the database cannot be reached now or must not be
  /// used.
  ///
  /// - Parameters:
  ///   - deliver: takes what the engine is told, from several threads, in order per subject. Must
  ///     not block and must not call back into `Storage` on the same stack.
  ///   - interruption: ends the start while it waits.
  ///   - databaseWentBack: told when acknowledged steps are missing in the database, with the
  ///     reason. Everything in memory is dropped and read again by then.
  public static func start(
    _ configuration: StorageConfiguration, logger: Logger,
    interruption: StartInterruption? = nil,
    deliver: @escaping @Sendable (Input) -> Void,
    databaseWentBack: @escaping @Sendable (String) -> Void = { _ in }
  ) throws(StorageError) -> Storage {
    let migrator = Migrator(
      configuration: configuration, logger: logger, stop: interruption?.signal)
    // Before anything is locked in a session, or written.
    try SessionTrial(configuration: configuration, stop: interruption?.signal).run()
    let shards = try migrator.migrate()
    if let reason = configuration.restored { try migrator.quieten(reason: reason) }
    do {
      return try Storage(configuration, shards, logger, deliver, databaseWentBack)
    } catch let error as PostgreSQLError {
      throw StorageError(.unreachable, error.description)
    } catch {
      throw StorageError(.unreachable, "\(error)")
    }
  }

  private init(
    _ configuration: StorageConfiguration, _ shards: Int32, _ logger: Logger,
    _ deliver: @escaping @Sendable (Input) -> Void,
    _ databaseWentBack: @escaping @Sendable (String) -> Void
  ) throws {
    self.configuration = configuration
    self.shards = shards
    let lease = LeaseState(deliver: deliver)
    self.lease = lease
    let sessions = SessionBoard(logger: logger)
    self.sessions = sessions
    let damage = DamageBoard(configuration: configuration, logger: logger)
    self.damage = damage
    let watch = DatabaseWatch(
      lease: lease, sessions: sessions, logger: logger, wentBack: databaseWentBack)
    namespaces = try NamespaceStore(
      configuration: configuration, watch: watch, logger: logger, deliver: deliver)
    loader = try MachineLoader(
      configuration: configuration, watch: watch, logger: logger, deliver: deliver)
    lists = try Scanner(
      "lists", configuration: configuration, watch: watch, logger: logger, deliver: deliver)
    lookAheads = try Scanner(
      "timers", configuration: configuration, watch: watch, logger: logger, deliver: deliver)
    damagedRepairJobs = DamagedRepairJobs(logger: logger)
    repairJobRequests = try RepairJobStore(
      "repair-jobs", configuration: configuration, watch: watch, logger: logger)
    repairJobWork = try RepairJobStore(
      "repair-work", configuration: configuration, watch: watch, logger: logger)
    censusStore = try SideReader(
      "census", configuration: configuration, watch: watch, logger: logger,
      statementTimeout: Self.censusStatementTimeout)
    exportStore = try SideReader(
      "export", configuration: configuration, watch: watch, logger: logger,
      statementTimeout: Self.exportStatementTimeout, idleTimeout: .seconds(60))
    feedReader = try SideReader(
      "feed", configuration: configuration, watch: watch, logger: logger,
      statementTimeout: Self.feedStatementTimeout, idleTimeout: .seconds(60),
      capacity: Self.maximumFeedReads)
    feedConsumers = try SideReader(
      "consumers", configuration: configuration, watch: watch, logger: logger,
      statementTimeout: Self.feedStatementTimeout, idleTimeout: .seconds(60),
      capacity: Self.maximumFeedReads, mayWrite: true)
    let keeper = try LeaseKeeper(
      configuration: configuration, shards: shards, namespaces: namespaces, watch: watch,
      progress: progress, status: board, logger: logger)
    self.keeper = keeper
    let progress = progress
    writers = try (0..<max(1, configuration.slots)).map { slot in
      try CommitWriter(
        slot: slot, configuration: configuration, watch: watch, progress: progress,
        damage: damage, logger: logger, deliver: deliver, onFenced: { keeper.nudge() })
    }
  }

  /// Performs `load`, `list`, `readTrace`, `readDue`, `readMessages`, `loadMessages` or `commit`;
  /// other effects are not storage's and do nothing. Answers come through `deliver`, also when
  /// everything is full or stopped.
  public func perform(_ effect: Effect) {
    switch effect {
    case .load(let request):
      loader.load(request)
    case .list(let id, let listing): lists.read(.list(id, listing))
    case .readTrace(let id, let number, let machine, let query):
      let shard = ShardID(of: machine, shards: shards)
      let page = TracePage(number: number, machine: machine, shard: shard, query: query)
      lists.read(.trace(id, page))
    case .readDue(let query):
      lookAheads.read(.due(query, lease.node))
    case .readMessages(let query): lookAheads.read(.messages(query, lease.node))
    case .loadMessages(let load): lookAheads.read(.loadMessages(load))
    case .commit(let batch):
      writers[batch.slot % writers.count].write(batch)
    case .reply, .invoke, .callOff, .awaitEndpoint, .sendPermits, .deliver, .wake:
      return
    }
  }

  /// The engine has handled one `shardsLost`, and the effects up to it are performed.
  public func acknowledgeLoss() {
    lease.acknowledgeLoss()
    keeper.nudge()
  }

  /// Tells `body` whether every session with the database is there, and the database is not damaged
  /// in many places, now and at each change. From several threads; it must not block.
  public func followSessions(_ body: @escaping @Sendable (Bool) -> Void) {
    let both = Conjunction(body)
    sessions.follow { both.first($0) }
    damage.follow { both.second($0) }
  }

  /// How storage fares now.
  public var status: StorageStatus {
    board.status(
      now: LocalClock.uptime(), lease: lease, progress: progress, damage: damage,
      sessions: sessions)
  }

  /// The node that this process is while it has a lease.
  var leaseNode: SQLUUID? { lease.node }

  /// The node that works on repair jobs, and the part of all shards that it owns; nil = it owns
  /// none.
  var repairShare: (node: SQLUUID, share: Double)? {
    guard let node = lease.node else { return nil }
    let owned = lease.shardCount
    return owned == 0 ? nil : (node, Double(owned) / Double(max(1, shards)))
  }

  /// Microseconds to be added to `LocalClock.wall` for the database's time.
  public var clockOffset: Int64 { board.clockOffset }

  /// Ends everything: a batch in flight has `gracePeriod`, then the lease is released. Blocks.
  /// Call it when the engine has drained; what it asks for afterwards is answered with failures.
  public func stop(gracePeriod: Duration = .seconds(5)) {
    for writer in writers { writer.requestStop(gracePeriod: gracePeriod) }
    loader.requestStop()
    lists.requestStop()
    lookAheads.requestStop()
    namespaces.requestStop()
    repairJobRequests.requestStop()
    repairJobWork.requestStop()
    censusStore.requestStop()
    exportStore.requestStop()
    feedReader.requestStop()
    feedConsumers.requestStop()
    for writer in writers { writer.join() }
    // Only now: while a batch may be under way, its lease is held.
    keeper.requestStop(gracePeriod: gracePeriod)
    keeper.join()
    loader.join()
    lists.join()
    lookAheads.join()
    namespaces.join()
    repairJobRequests.join()
    repairJobWork.join()
    censusStore.join()
    exportStore.join()
    feedReader.join()
    feedConsumers.join()
  }
}

extension Storage {
  /// Creates a namespace. Throws `NAMESPACE_ALREADY_EXISTS`, `INVALID_ARGUMENT`,
  /// `STORAGE_UNAVAILABLE` (it may exist then).
  public func createNamespace(
    _ namespace: Namespace
  ) async throws(ProgressorError) -> NamespaceRecord {
    try namespace.validate(path: "namespace")
    return try await change(.create(namespace), namespace.name)
  }

  /// Creates a namespace, or gives the one of this name exactly these options.
  public func replaceNamespace(
    _ namespace: Namespace
  ) async throws(ProgressorError) -> NamespaceRecord {
    try namespace.validate(path: "namespace")
    return try await change(.replace(namespace), namespace.name)
  }

  /// Gives an existing namespace exactly these options, but for its pause. Throws
  /// `NAMESPACE_VERSION_MISMATCH` when its version is not the stored one (0 = any), with that;
  /// `NAMESPACE_NOT_FOUND`, `INVALID_ARGUMENT`, `STORAGE_UNAVAILABLE` (it may be changed then).
  public func updateNamespace(
    _ namespace: Namespace
  ) async throws(ProgressorError) -> NamespaceRecord {
    try namespace.validate(path: "namespace")
    return try await change(.update(namespace), namespace.name)
  }

  /// Creates a namespace with this endpoint and every default, or changes the endpoint of the one
  /// of this name and nothing else of it.
  public func setEndpoint(
    _ endpoint: String, ofNamespace name: String
  ) async throws(ProgressorError) -> NamespaceRecord {
    try Namespace(name: name, processor: ProcessorOptions(endpoint: endpoint))
      .validate(path: "namespace")
    return try await change(.setEndpoint(name: name, endpoint: endpoint), name)
  }

  /// Pauses the namespace, or ends its pause (nil). The engine has been told when this returns;
  /// steps that run go on.
  ///
  /// - Parameter principal: Who pauses it; nil = nobody has an identity.
  public func setPause(
    _ reason: String?, ofNamespace name: String, by principal: String? = nil
  ) async throws(ProgressorError) -> NamespaceRecord {
    try await change(.pause(name: name, reason: reason, principal: principal), name)
  }

  /// Deletes a namespace. Its repair jobs are cancelled and kept. Throws `NAMESPACE_NOT_FOUND`,
  /// `NAMESPACE_NOT_EMPTY`, `STORAGE_UNAVAILABLE` (it may be deleted then).
  ///
  /// - Parameter now: By the database's clock.
  public func deleteNamespace(named name: String, now: Timestamp) async throws(ProgressorError) {
    _ = try await perform(.delete(name: name, now: now))
  }

  /// The namespace of this name. Throws `NAMESPACE_NOT_FOUND`, and INTERNAL if its row is damaged.
  public func namespace(named name: String) async throws(ProgressorError) -> NamespaceRecord {
    try await change(.find(name: name), name)
  }

  /// All namespaces whose rows are not damaged, by name in the order of its bytes.
  public func listNamespaces() async throws(ProgressorError) -> [NamespaceRecord] {
    try await perform(.read)
  }

  private func change(
    _ change: NamespaceStore.Change, _ name: String
  ) async throws(ProgressorError) -> NamespaceRecord {
    guard let record = try await perform(change).first else { throw .namespaceNotFound(name) }
    return record
  }

  private func perform(
    _ change: NamespaceStore.Change
  ) async throws(ProgressorError) -> [NamespaceRecord] {
    let store = namespaces
    let answer = await withCheckedContinuation { continuation in
      store.perform(change) { continuation.resume(returning: $0) }
    }
    return try answer.get()
  }
}
