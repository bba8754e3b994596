import GRPC
import Logging
import MachineModel
import NIOCore
import NIOPosix
import ProgressorEngine
import ProgressorStorage
import PrometheusMetrics
import Synchronization

/// Storage, the engines on their loops, and the services in front of them: a node without its
/// sockets.
final class Backend: Sendable {
  /// Every service of the node.
  let router: Router

  private let storage: Storage
  private let engines: EngineGroup
  private let dispatcher: Dispatcher
  private let health: HealthService
  private let monitor: HealthMonitor
  private let repairs: NIOLoopBoundBox<RepairJobRunner>
  private let lookout: Lookout
  private let imports: ImportBudget
  private let waits: WaitPlaces
  private let feed: FeedHub
  private let sinks: SinkGroup
  private let watch = Mutex<Task<Void, Never>?>(nil)
  private let logger: Logger
  private let offset: StorageClockOffset

  /// Services that are served.
  static let services =
    [
      AutomatonService.name, NamespacesService.name, RepairJobsService.name,
      ClusterService.name, EventSinkService.name, HealthService.name,
    ] + ReflectionService.names

  /// What is there before storage is.
  private struct Front {
    let engines: EngineGroup
    let health: HealthService
    let monitor: HealthMonitor
    let timeouts: ProcessorTimeouts
    let clock: NodeClock
    let offset: StorageClockOffset
    let outages: ProcessorOutages
    let attempts: AttemptMetrics?

    init(
      _ configuration: NodeConfiguration, eventLoops: [any EventLoop],
      registry: PrometheusRegistry?,
      logger: Logger
    ) {
      let offset = StorageClockOffset()
      let clock = NodeClock(offset: { offset.microseconds })
      let health = HealthService(services: Backend.services)
      let monitor = HealthMonitor(
        health: health, roles: RoleLog(logger: logger), eventLoop: eventLoops[0])
      let timeouts = ProcessorTimeouts()
      let limits = Backend.engineConfiguration(configuration, shards: configuration.shards)
      let cores = Int32(eventLoops.count)
      let loops = eventLoops.enumerated().map { index, eventLoop in
        let core = CoreNumber(Int32(index))
        return EngineLoop(
          core, eventLoop: eventLoop,
          maximumRequests: limits.share(of: ShardPart(core, of: cores)).maximumRequests,
          clock: clock)
      }
      engines = EngineGroup(loops, observers: [monitor, timeouts])
      (self.health, self.monitor, self.timeouts) = (health, monitor, timeouts)
      (self.clock, self.offset) = (clock, offset)
      outages = ProcessorOutages(logger: logger)
      attempts = registry.map { AttemptMetrics($0) }
    }
  }

  /// Opens the database and starts the engines, one on each of these loops.
  ///
  /// - Parameters:
  ///   - restored: Why all namespaces are to be paused; nil = they are not.
  ///   - registry: Where calls of processors are counted; nil = nowhere.
  ///   - tracer: Makes spans of calls of processors and of batches; nil = nobody does.
  static func start(
    _ configuration: NodeConfiguration, database: String, isExclusive: Bool,
    restored: String? = nil, eventLoops: [any EventLoop], registry: PrometheusRegistry? = nil,
    tracer: Tracer? = nil,
    logger: Logger
  ) async throws(NodeFailure) -> Backend {
    let front = Front(
      configuration, eventLoops: eventLoops, registry: registry, logger: logger)
    var settings: StorageConfiguration
    do { settings = try StorageConfiguration(connectionString: database) } catch {
      throw NodeFailure(.configuration, "--database-url: \(error.description)")
    }
    settings.shards = configuration.shards
    settings.slots = configuration.slots * eventLoops.count
    settings.leaseDuration = .microseconds(configuration.lease)
    settings.leaseMargin = .microseconds(configuration.lease / 10)
    settings.isExclusive = isExclusive
    settings.mayMigrate = isExclusive || configuration.migratesAtStart
    settings.restored = restored
    settings.nodeName = configuration.nodeName
    settings.nodeAddress = configuration.addressForOthers
    settings.nodeVersion = Version.current
    let engines = front.engines
    let opening = StorageOpening(
      configuration: settings, patience: .microseconds(configuration.startTimeout), logger: logger,
      deliver: { engines.submit($0) })
    let storage = try await opening.open()
    front.offset.follow(storage)
    if storage.shards != configuration.shards {
      logger.info(
        "the database keeps the number of shards that it was initialised with",
        metadata: ["shards": "\(storage.shards)", "asked": "\(configuration.shards)"])
    }
    let backend = Backend(front, configuration, storage, logger)
    backend.begin(configuration, front, tracer)
    return backend
  }

  private init(
    _ front: Front, _ configuration: NodeConfiguration, _ storage: Storage, _ logger: Logger
  ) {
    self.storage = storage
    self.logger = logger
    (engines, health, monitor, offset) = (front.engines, front.health, front.monitor, front.offset)
    let dispatcher = Dispatcher(front.engines, shards: storage.shards)
    self.dispatcher = dispatcher
    let (clock, timeouts, eventLoop) = (
      front.clock, front.timeouts, front.engines.loops[0].eventLoop
    )
    repairs = NIOLoopBoundBox.makeBoxSendingValue(
      RepairJobRunner(
        outside: RepairJobWorker.Outside(
          storage: storage, dispatcher: dispatcher, eventLoop: eventLoop, clock: clock,
          timeouts: timeouts, logger: logger)),
      eventLoop: eventLoop)
    lookout = Lookout(
      Lookout.Outside(
        storage: storage, dispatcher: dispatcher, outages: front.outages, clock: clock,
        logger: logger))
    let lookForJobs: @Sendable () -> Void = { [repairs] in
      eventLoop.execute { repairs.value.look() }
    }
    let imports = ImportBudget(maximum: configuration.importBytes)
    self.imports = imports
    let waits = WaitPlaces(maximum: configuration.maximumWaits)
    self.waits = waits
    var router = Router()
    AutomatonService(
      dispatcher: dispatcher, clock: clock, timeouts: timeouts, waits: waits,
      encoder: ReplyEncoder(maximumMessageBytes: configuration.maximumMessageBytes)
    ).register(in: &router)
    Portability(
      storage: storage, dispatcher: dispatcher, clock: clock, budget: imports,
      engine: Backend.engineConfiguration(configuration, shards: storage.shards),
      maximumMessageBytes: configuration.maximumMessageBytes
    ).register(in: &router)
    NamespacesService(
      namespaces: storage, dispatcher: dispatcher, clock: clock, timeouts: timeouts,
      tlsDirectory: configuration.processorTLSDirectory, logger: logger,
      namespaceDeleted: lookForJobs
    ).register(in: &router)
    health.register(in: &router)
    ReflectionService(services: Backend.services).register(in: &router)
    RepairJobsService(
      storage: storage, clock: clock, maximumMessageBytes: configuration.maximumMessageBytes,
      jobsChanged: lookForJobs
    ).register(in: &router)
    ClusterService(storage: storage).register(in: &router)
    let sinkNames = Set(configuration.sinks.map { ExactText($0.name) })
    let feed = FeedHub(storage: storage, sinks: sinkNames, logger: logger)
    self.feed = feed
    sinks = SinkGroup(configuration.sinks, hub: feed, logger: logger)
    EventSinkService(hub: feed, maximumMessageBytes: configuration.maximumMessageBytes)
      .register(in: &router)
    self.router = router
  }

  private func begin(
    _ configuration: NodeConfiguration, _ front: Front, _ tracer: Tracer?
  ) {
    var settings = Backend.engineConfiguration(configuration, shards: storage.shards)
    settings.namesCauses = tracer != nil
    let engine = settings
    let (storage, engines, monitor, logger) = (storage, engines, monitor, logger)
    let (outages, attempts) = (front.outages, front.attempts)
    let relay = MessageRelay(dispatcher)
    let machineLog = MachineLog(eventLoop: eventLoops[0], logger: logger)
    for (index, loop) in engines.loops.enumerated() {
      let part = engines.part(index)
      loop.eventLoop.execute {
        let processors = ProcessorDirectory(
          eventLoop: loop.eventLoop, part: part,
          maximumMessageBytes: configuration.maximumMessageBytes,
          tlsDirectory: configuration.processorTLSDirectory, outages: outages,
          metrics: attempts, tracer: tracer, logger: logger, submit: { loop.submit($0) })
        loop.start(
          engine.share(of: part),
          EngineDriver.Outside(
            storage: storage, processors: processors, submit: { loop.submit($0) },
            send: { engines.submit(.permits($0)) },
            deliver: { relay.deliver($0, from: loop, now: $1) },
            lossHandled: {
              if engines.lossHandled(by: part.core) { storage.acknowledgeLoss() }
            }, logger: logger, machineLog: machineLog, tracer: tracer))
      }
    }
    eventLoops[0].execute { [repairs] in repairs.value.look() }
    let lookout = lookout
    watch.withLock { $0 = Task { await lookout.run() } }
    sinks.begin()
    storage.followSessions { monitor.sessionsChanged(areThere: $0) }
  }

  static func engineConfiguration(
    _ configuration: NodeConfiguration, shards: Int32
  ) -> EngineConfiguration {
    var engine = EngineConfiguration()
    engine.shards = shards
    engine.slots = configuration.slots
    engine.maximumRequests = configuration.maximumRequests
    engine.maximumWaits = configuration.maximumWaits
    engine.residentBytes = configuration.residentBytes
    engine.historyBytes = configuration.historyBytes
    // A step of the default 15 MiB fits into the default message of 16 MiB with room for the rest.
    engine.maximumContentBytes = min(
      engine.maximumContentBytes, configuration.maximumMessageBytes / 2)
    engine.maximumStepBytes = min(
      engine.maximumStepBytes, configuration.maximumMessageBytes / 16 * 15)
    engine.seed = UInt64.random(in: 1...UInt64.max)
    return engine
  }

  /// Creates and changes namespaces as the configuration says. One whose row is damaged beyond that
  /// is named in the log, and keeps no others from it.
  ///
  /// - Returns: the names of those that were not so before.
  @discardableResult
  func applyNamespaces(
    _ directives: [NodeConfiguration.NamespaceDirective]
  ) async throws(NodeFailure) -> [String] {
    var name: String?
    do throws(ProgressorError) {
      var versions: [[UInt8]: Int64] = [:]
      for record in try await storage.listNamespaces() {
        versions[Array(record.namespace.name.utf8)] = record.namespace.version
      }
      var changed: [String] = []
      for directive in directives {
        name = directive.name
        do throws(ProgressorError) {
          let record = try await apply(directive)
          if versions[Array(directive.name.utf8)] != record.namespace.version {
            changed.append(directive.name)
          }
        } catch {
          guard error.code == .internal else { throw error }
          logger.error("a namespace of the configuration", metadata: ["error": "\(error.message)"])
        }
      }
      return changed
    } catch {
      throw NodeFailure(
        error.code == .unavailable ? .databaseUnavailable : .configuration,
        "the namespace\(name.map { " \($0)" } ?? "s") of the configuration: \(error.message)")
    }
  }

  private func apply(
    _ directive: NodeConfiguration.NamespaceDirective
  ) async throws(ProgressorError) -> NamespaceRecord {
    switch directive {
    case .define(let namespace): try await storage.replaceNamespace(namespace)
    case .point(let name, let endpoint): try await storage.setEndpoint(endpoint, ofNamespace: name)
    }
  }

  /// The loops of the engines.
  var eventLoops: [any EventLoop] { engines.loops.map(\.eventLoop) }

  /// Why machines are not served now, in a line; nil = they are.
  var obstacle: String? { monitor.obstacle }

  /// Shards that this node has now.
  var ownedShards: Int { storage.status.shards }

  /// What the node knows about itself.
  func statistics() -> EventLoopFuture<NodeStatistics> {
    let (storage, health, seen) = (storage, health, lookout.board)
    let (imports, waits) = (imports, waits)
    let sinks = sinks.statistics
    return dispatcher.statistics().map { engine in
      NodeStatistics(
        engine: engine, storage: storage.status, isServing: health.isServing, seen: seen.latest,
        imports: imports.statistics, waits: waits.statistics, sinks: sinks)
    }
  }

  /// Calls `body` once, when machines are served, on a loop: who finds that out may be in the
  /// middle of something that everybody waits for.
  func whenServing(_ body: @escaping @Sendable () -> Void) {
    let eventLoop = eventLoops[0]
    health.whenServing { eventLoop.execute(body) }
  }

  /// NOT_SERVING from now on; everything goes on but repair jobs, whose work another node takes up,
  /// and who only waits for something to happen.
  func announceStop() async {
    monitor.stop()
    waits.stop()
    await sinks.stop()
    feed.stop()
    watch.withLock { $0?.cancel() }
    try? await eventLoops[0].submit { [repairs] in repairs.value.stop() }.get()
  }

  /// Ends storage, which releases the shards, then the engines. Nothing is asked of them any more.
  ///
  /// - Parameter gracePeriod: how long a batch in flight may take, and then the release.
  func stop(gracePeriod: Duration) async {
    let storage = storage
    try? await NIOThreadPool.singleton.runIfActive { storage.stop(gracePeriod: gracePeriod) }
    // It asks the engines' loops, which end after this.
    await watch.withLock { $0 }?.value
    for loop in engines.loops { try? await loop.eventLoop.submit { loop.stop() }.get() }
    // Storage, the engines' loops and their clock know each other.
    offset.follow(nil)
  }
}
