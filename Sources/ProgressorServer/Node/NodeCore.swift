import GRPC
import Logging
import MachineModel
import NIOCore
import NIOPosix
import ProgressorEngine
import ProgressorStorage

/// Storage, the engine on its loop, and the services in front of it: a node without its sockets.
final class NodeCore: Sendable {
  /// Every service of the node.
  let router: Router

  private let storage: Storage
  private let engine: EngineLoop
  private let health: HealthService
  private let logger: Logger
  private let offset: StorageClockOffset
  private let confined: NIOLoopBoundBox<Confined>

  /// What belongs to the engine's loop.
  private final class Confined {
    let monitor: HealthMonitor
    let processors: ProcessorDirectory
    let repairs: RepairJobRunner

    init(
      monitor: HealthMonitor, processors: ProcessorDirectory, repairs: RepairJobRunner
    ) {
      self.monitor = monitor
      self.processors = processors
      self.repairs = repairs
    }
  }

  /// Services that are served.
  static let services =
    [
      AutomatonService.name, NamespacesService.name, RepairJobsService.name, HealthService.name,
    ] + ReflectionService.names

  /// Opens the database and starts the engine.
  static func start(
    _ configuration: NodeConfiguration, database: String, isExclusive: Bool,
    eventLoop: any EventLoop, logger: Logger
  ) async throws(NodeFailure) -> NodeCore {
    let offset = StorageClockOffset()
    let clock = NodeClock(offset: { offset.microseconds })
    let engine = EngineLoop(
      eventLoop: eventLoop, maximumRequests: configuration.maximumRequests, clock: clock)
    var settings: StorageConfiguration
    do { settings = try StorageConfiguration(connectionString: database) } catch {
      throw NodeFailure(.configuration, "--database-url: \(error.description)")
    }
    settings.shards = configuration.shards
    settings.slots = configuration.slots
    settings.leaseDuration = .microseconds(configuration.lease)
    settings.leaseMargin = .microseconds(configuration.lease / 10)
    settings.isExclusive = isExclusive
    let opening = StorageOpening(
      configuration: settings, patience: .microseconds(configuration.startTimeout), logger: logger,
      deliver: { engine.submit($0) })
    let storage = try await opening.open()
    offset.follow(storage)
    if storage.shards != configuration.shards {
      logger.info(
        "the database keeps the number of shards that it was initialised with",
        metadata: ["shards": "\(storage.shards)", "asked": "\(configuration.shards)"])
    }
    return NodeCore(
      configuration: configuration, storage: storage, engine: engine, clock: clock, offset: offset,
      logger: logger)
  }

  private init(
    configuration: NodeConfiguration, storage: Storage, engine: EngineLoop, clock: NodeClock,
    offset: StorageClockOffset, logger: Logger
  ) {
    self.storage = storage
    self.offset = offset
    self.logger = logger
    self.engine = engine
    health = HealthService(services: NodeCore.services)
    let timeouts = ProcessorTimeouts()
    var router = Router()
    AutomatonService(
      engine: engine, clock: clock, timeouts: timeouts,
      encoder: ReplyEncoder(maximumMessageBytes: configuration.maximumMessageBytes)
    ).register(in: &router)
    NamespacesService(namespaces: storage, engine: engine, clock: clock, timeouts: timeouts)
      .register(in: &router)
    health.register(in: &router)
    ReflectionService(
      services: NodeCore.services,
      unserved: Set(NamespacesService.unserved.map { "\(NamespacesService.name).\($0)" })
    ).register(in: &router)
    let (health, maximumMessageBytes) = (health, configuration.maximumMessageBytes)
    confined = NIOLoopBoundBox.makeBoxSendingValue(
      Confined(
        monitor: HealthMonitor(health: health, eventLoop: engine.eventLoop, clock: clock),
        processors: ProcessorDirectory(
          eventLoop: engine.eventLoop, maximumMessageBytes: maximumMessageBytes, logger: logger,
          submit: { engine.submit($0) }),
        repairs: RepairJobRunner(
          outside: RepairJobWorker.Outside(
            storage: storage, engine: engine, clock: clock, timeouts: timeouts, logger: logger))),
      eventLoop: engine.eventLoop)
    RepairJobsService(
      storage: storage, clock: clock, maximumMessageBytes: maximumMessageBytes,
      jobsChanged: { [confined] in engine.eventLoop.execute { confined.value.repairs.look() } }
    ).register(in: &router)
    self.router = router
    let settings = NodeCore.engineConfiguration(configuration, shards: storage.shards)
    engine.eventLoop.execute { [confined] in
      let parts = confined.value
      engine.start(
        settings,
        EngineCore.Outside(
          storage: storage, processors: parts.processors, observers: [parts.monitor, timeouts],
          submit: { engine.submit($0) }, logger: logger))
      parts.repairs.look()
      storage.followSessions { areThere in
        engine.eventLoop.execute { confined.value.monitor.sessionsChanged(areThere: areThere) }
      }
    }
  }

  static func engineConfiguration(
    _ configuration: NodeConfiguration, shards: Int32
  ) -> EngineConfiguration {
    var engine = EngineConfiguration()
    engine.shards = shards
    engine.slots = configuration.slots
    engine.maximumRequests = configuration.maximumRequests
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

  /// The loop of the engine.
  var eventLoop: any EventLoop { engine.eventLoop }

  /// What the node knows about itself.
  func statistics() -> EventLoopFuture<NodeStatistics> {
    let (storage, health) = (storage, health)
    return engine.statistics().map { engine in
      NodeStatistics(engine: engine, storage: storage.status, isServing: health.isServing)
    }
  }

  /// Calls `body` once, when machines are served.
  func whenServing(_ body: @escaping @Sendable () -> Void) {
    health.whenServing(body)
  }

  /// NOT_SERVING from now on; everything goes on but repair jobs, whose work another node takes up.
  func announceStop() async {
    let confined = confined
    try? await engine.eventLoop.submit {
      confined.value.monitor.stop()
      confined.value.repairs.stop()
    }.get()
  }

  /// Ends storage, which releases the shards, then the engine. Nothing is asked of it any more.
  ///
  /// - Parameter gracePeriod: how long a batch in flight may take, and then the release.
  func stop(gracePeriod: Duration) async {
    let storage = storage
    try? await NIOThreadPool.singleton.runIfActive { storage.stop(gracePeriod: gracePeriod) }
    let (engine, confined) = (engine, confined)
    try? await engine.eventLoop.submit {
      engine.stop()
      confined.value.processors.close()
    }.get()
    // Storage, the engine's loop and its clock know each other.
    offset.follow(nil)
  }
}
