import EmbeddedPostgreSQL
public import GRPC
public import Logging
import NIOCore
import NIOPosix
import ProgressorStorage
import PrometheusMetrics
public import ServiceLifecycle
import Synchronization

/// One server: the private cluster if there is no database, storage, the engines on their loops,
/// and the gRPC server, started in this order and stopped in the reverse one.
public final class Node: Service {
  let configuration: NodeConfiguration
  let logger: Logger
  private let acceptsRestored: Bool
  private let onServing: @Sendable ([ServerAddress]) -> Void
  private let onListening: @Sendable () -> Void
  let running = Mutex(Parts())

  /// What runs; filled while the node starts, emptied while it stops.
  struct Parts {
    var group: MultiThreadedEventLoopGroup?
    var database: PrivateServer?
    var backend: Backend?
    var server: GRPCServer?
    var metrics: MetricsEndpoint?
    var probes: LoopProbes?
    var access: AccessFiles?
    var exporter: SpanExporter?
    /// In the order of the configuration's listeners; nil = without TLS.
    var security: [ListenerSecurity?] = []
    /// Looks after the files of `access` and of `security`.
    var watch: Task<Void, Never>?
    /// The start is over.
    var isStarted = false
    /// What is served, from then on.
    var addresses: [ServerAddress] = []
    /// It has begun to stop.
    var isStopping = false
    /// What is to be carried out after the start.
    var reload: NodeConfiguration?
  }

  /// - Parameters:
  ///   - acceptsRestored: A database that was restored from a backup may go on, with all its
  ///     namespaces paused.
  ///   - onServing: Told once, when machines are served for the first time, where. A node whose
  ///     shards another one has stands by, and is told when it takes over.
  ///   - onListening: Told once, when the start is over, on a standby too.
  public init(
    configuration: NodeConfiguration, logger: Logger, acceptsRestored: Bool = false,
    onServing: @escaping @Sendable ([ServerAddress]) -> Void = { _ in },
    onListening: @escaping @Sendable () -> Void = {}
  ) {
    self.onListening = onListening
    self.configuration = configuration
    self.logger = logger
    self.acceptsRestored = acceptsRestored
    self.onServing = onServing
  }

  /// Runs until the service group shuts down, and then stops in order.
  public func run() async throws {
    do throws(NodeFailure) {
      try await start()
    } catch {
      if Task.isShuttingDownGracefully { return }
      throw error
    }
    try? await gracefulShutdown()
    await stop()
  }

  /// Starts everything; on failure nothing runs any more.
  ///
  /// - Returns: the addresses that are served, with the ports that the system chose.
  @discardableResult
  public func start() async throws(NodeFailure) -> [ServerAddress] {
    do throws(NodeFailure) {
      return try await startParts()
    } catch {
      await stop()
      throw error
    }
  }

  /// Stops in order: NOT_SERVING, no new connections, running requests have their time, shards are
  /// released, storage and the private cluster stop. Does nothing when nothing runs.
  ///
  /// What is left of `drain_timeout` when the requests have ended is the others' time, and they get
  /// some seconds in any case: a database that is frozen makes it a dozen seconds more at the most.
  public func stop() async {
    let end = ContinuousClock.now + .microseconds(configuration.drainTimeout)
    /// What is left, within limits.
    func left(_ limits: ClosedRange<Duration>) -> Duration {
      min(max(end - .now, limits.lowerBound), limits.upperBound)
    }
    let parts = running.withLock { parts in
      defer {
        parts = Parts()
        parts.isStopping = true
      }
      return parts
    }
    parts.watch?.cancel()
    parts.probes?.stop()
    if let backend = parts.backend { await backend.announceStop() }
    if let server = parts.server {
      logger.info("draining", metadata: ["connections": "\(server.connectionCount)"])
      await server.stop(grace: .microseconds(configuration.drainTimeout))
    }
    if let backend = parts.backend {
      await backend.stop(gracePeriod: left(.seconds(2) ... .seconds(5)))
    }
    if let cluster = parts.database {
      await cluster.stop(within: left(.seconds(5) ... .seconds(30)))
    }
    if let exporter = parts.exporter { await exporter.stop(within: .seconds(2)) }
    // Who watches is told to the end that the process lives.
    if let metrics = parts.metrics { await metrics.stop() }
    try? await parts.group?.shutdownGracefully()
  }

  /// Carries out what a configuration that was read again can change of a node that runs: the
  /// file's namespaces. The log says what that was, and which settings take a restart. One at a
  /// time.
  public func reload(_ new: NodeConfiguration) async {
    let backend = running.withLock { parts in
      if !parts.isStarted { parts.reload = new }
      return parts.isStarted ? parts.backend : nil
    }
    guard let backend else { return }
    reloadRules(of: new)
    // Whoever made the logger sees to its level.
    let changed = configuration.settingsChanged(in: new).filter { $0 != "log.level" }
    if !changed.isEmpty {
      logger.warning(
        "the configuration was read again: these settings change with the next start",
        metadata: ["settings": "\(changed.joined(separator: ", "))"])
    }
    do {
      let names = try await backend.applyNamespaces(new.namespaces.filter(\.isOfFile))
      logger.notice(
        "the configuration was read again: its namespaces are in force",
        metadata: ["changed": "\(names.isEmpty ? "none" : names.joined(separator: ", "))"])
    } catch {
      logger.error(
        "the configuration was read again: a namespace is not in force, nor are those behind it",
        metadata: ["error": "\(error)"])
    }
  }

  /// Puts the rules of the file in force. Whether there is authorisation at all, only a start says.
  private func reloadRules(of new: NodeConfiguration) {
    let access = running.withLock { $0.access }
    if case .rules(let rules) = new.authorization, let access {
      access.replaceRules(rules)
    } else if (new.authorization == nil) != (configuration.authorization == nil) {
      logger.warning("the configuration was read again: authorization changes with the next start")
    }
  }

  private func startParts() async throws(NodeFailure) -> [ServerAddress] {
    let end = ContinuousClock.now + .microseconds(configuration.startTimeout)
    try await checkExposure()
    let restored = try RestoredDatabase(configuration.database, isAccepted: acceptsRestored)
    let access = try await readAccess()
    let security = try readSecurity()
    let cores = configuration.coresInUse
    let threads = max(cores, configuration.threads ?? System.coreCount)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
    running.withLock { $0.group = group }
    let registry = PrometheusRegistry()
    let tracer = try startTracing()
    try await startMetrics(registry, group)
    let (database, isExclusive) = try await startDatabase(cores: cores)
    let backend = try await Backend.start(
      configuration, database: database, isExclusive: isExclusive,
      restored: restored?.pauseReason,
      eventLoops: Array(group.makeIterator().prefix(cores)),
      registry: configuration.metricsListen == nil ? nil : registry, tracer: tracer,
      logger: logger)
    running.withLock { $0.backend = backend }
    if let restored {
      try restored.accepted()
      logger.notice(
        "the database was restored: all namespaces are paused until they are resumed",
        metadata: ["reason": "\(restored.pauseReason)"])
    }
    try await applyNamespaces(backend, until: end)
    var router = backend.router
    if configuration.metricsListen != nil {
      CallMetrics.describe(in: registry)
      router.observe { CallMetrics(method: $0, registry: registry) }
      let loops = LoopProbes.loops(of: group, engines: backend.eventLoops)
      let probes = LoopProbes(loops, registry: registry)
      running.withLock { $0.probes = probes }
    }
    let server = GRPCServer(
      router: router, configuration: serverConfiguration(access, tracer), group: group,
      logger: logger)
    running.withLock { $0.server = server }
    let addresses: [ServerAddress]
    do {
      addresses = try await server.start(
        zip(configuration.listeners, security).map { listener($0, $1, router) })
    } catch {
      throw NodeFailure(error)
    }
    watchFiles()
    let onServing = onServing
    backend.whenServing { onServing(addresses) }
    let reload = running.withLock { parts in
      parts.isStarted = true
      parts.addresses = addresses
      return parts.reload
    }
    onListening()
    if let reload { await self.reload(reload) }
    return addresses
  }

  /// Carries out what the configuration says of namespaces. A database that goes away again is
  /// waited for as one that is not there yet.
  private func applyNamespaces(
    _ backend: Backend, until end: ContinuousClock.Instant
  ) async throws(NodeFailure) {
    while true {
      do throws(NodeFailure) {
        try await backend.applyNamespaces(configuration.namespaces)
        return
      } catch {
        guard error.kind == .databaseUnavailable, ContinuousClock.now < end,
          !Task.isShuttingDownGracefully
        else { throw error }
        logger.warning("waiting for the database", metadata: ["error": "\(error)"])
      }
      do { try await Task.sleep(for: .milliseconds(500)) } catch {
        throw NodeFailure(.stopped, "stopped while waiting for the database")
      }
    }
  }

  /// Serves metrics and probes, on a standby too, from the beginning of the start on.
  private func startMetrics(
    _ registry: PrometheusRegistry, _ group: MultiThreadedEventLoopGroup
  ) async throws(NodeFailure) {
    guard let address = configuration.metricsListen else { return }
    do {
      let metrics = try await MetricsEndpoint.start(
        address, group: group, logger: logger,
        obstacle: { [weak self] in self.map(\.obstacle) ?? "the server is stopping" },
        render: { [weak self] in
          self?.exposition(registry, group) ?? group.any().makeFailedFuture(NotRunning())
        })
      running.withLock { $0.metrics = metrics }
    } catch {
      throw NodeFailure(error, flag: "--metrics-listen")
    }
  }

  /// There are no metrics.
  private struct NotRunning: Error {}

  private func exposition(
    _ registry: PrometheusRegistry, _ group: MultiThreadedEventLoopGroup
  ) -> EventLoopFuture<String> {
    let (backend, server, access, exporter, security) = running.withLock {
      ($0.backend, $0.server, $0.access, $0.exporter, $0.security.compactMap(\.self))
    }
    guard let backend else { return group.any().makeFailedFuture(NotRunning()) }
    return backend.statistics().flatMapWithEventLoop { statistics, eventLoop in
      // The engines' loops are asked for the numbers, and not for thousands of lines of text.
      NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) {
        var statistics = statistics
        statistics.server = server?.statistics
        statistics.access = access?.statistics
        var exposition = Exposition()
        NodeExposition(statistics).write(to: &exposition)
        if let server { TransportExposition(security, server.statistics).write(to: &exposition) }
        if let exporter { TracingExposition(exporter.statistics).write(to: &exposition) }
        registry.write(to: &exposition)
        return exposition.text
      }
    }
  }

  /// Why machines are not served now, in a line; nil = they are.
  var obstacle: String? {
    let (backend, isStopping) = running.withLock {
      ($0.isStarted ? $0.backend : nil, $0.isStopping)
    }
    if isStopping { return "the server is stopping" }
    return backend.map(\.obstacle) ?? "the server is starting"
  }

  /// The connection string of the database, which has room for the sessions of so many engines, and
  /// whether no other node can have it.
  private func startDatabase(cores: Int) async throws(NodeFailure) -> (String, isExclusive: Bool) {
    switch configuration.database {
    case .external(let url): return (url, false)
    case .embedded(let directory):
      var settings = PrivateServerConfiguration(dataDirectory: directory)
      settings.sessions = StorageConfiguration.sessions(slots: configuration.slots * cores)
      let cluster = PrivateServer(configuration: settings, logger: logger)
      running.withLock { $0.database = cluster }
      do { try await cluster.start() } catch { throw NodeFailure(error, directory: directory) }
      return (cluster.connectionString, true)
    }
  }

  /// Bytes for the header fields of a long message and, twice, of the calls that are open beside
  /// it.
  private static let roomBesideMessage = 256 << 10

  private func serverConfiguration(
    _ access: AccessFiles?, _ tracer: Tracer?
  ) -> GRPC.ServerConfiguration {
    var server = GRPC.ServerConfiguration()
    server.follow = tracer.map { ServerSpan.follow($0) }
    if let access { server.admit = { access.admit($0) } }
    server.maxMessageSize = configuration.maximumMessageBytes
    server.maxConnections = configuration.maximumConnections
    server.maxConnectionsPerPeer = configuration.maximumConnectionsPerClient
    server.http2.maxConcurrentStreams = UInt32(configuration.maximumStreams)
    // A message that is allowed must be possible, with its header fields, and beside some dozens of
    // calls that hold nothing but theirs.
    let largest = configuration.maximumMessageBytes + Self.roomBesideMessage
    server.maxBufferedRequestBytes = max(configuration.maximumConnectionPendingBytes, largest)
    server.maxRequestBytes = max(configuration.maximumPendingBytes, largest)
    server.maxUnreadBytesPerConnection = max(
      configuration.maximumConnectionUnreadBytes, 2 * configuration.maximumMessageBytes)
    // A connection holds half of it at most, for it leaves as much free.
    server.maxUnreadBytes = max(
      configuration.maximumUnreadBytes, 4 * configuration.maximumMessageBytes)
    server.annotate = { RPCStatus(annotating: $0) }
    return server
  }
}
