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
  private let configuration: NodeConfiguration
  private let logger: Logger
  private let onServing: @Sendable ([ServerAddress]) -> Void
  private let running = Mutex(Parts())

  /// What runs; filled while the node starts, emptied while it stops.
  private struct Parts {
    var group: MultiThreadedEventLoopGroup?
    var database: PrivateServer?
    var backend: Backend?
    var server: GRPCServer?
    var metrics: MetricsEndpoint?
    var probes: LoopProbes?
    var access: AccessFiles?
    /// Looks after the files of `access`.
    var watch: Task<Void, Never>?
    /// The start is over.
    var isStarted = false
    /// What is to be carried out after the start.
    var reload: NodeConfiguration?
  }

  /// - Parameter onServing: Told once, when machines are served for the first time, where. A node
  ///   whose shards another one has stands by, and is told when it takes over.
  public init(
    configuration: NodeConfiguration, logger: Logger,
    onServing: @escaping @Sendable ([ServerAddress]) -> Void = { _ in }
  ) {
    self.configuration = configuration
    self.logger = logger
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
      defer { parts = Parts() }
      return parts
    }
    parts.watch?.cancel()
    if let metrics = parts.metrics { await metrics.stop() }
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
    let changed = configuration.settingsChanged(in: new)
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
    let access = try startAccess()
    let cores = configuration.cores ?? NodeConfiguration.defaultCores(of: System.coreCount)
    let threads = max(cores, configuration.threads ?? System.coreCount)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
    running.withLock { $0.group = group }
    let (database, isExclusive) = try await startDatabase(cores: cores)
    let backend = try await Backend.start(
      configuration, database: database, isExclusive: isExclusive,
      eventLoops: Array(group.makeIterator().prefix(cores)), logger: logger)
    running.withLock { $0.backend = backend }
    try await applyNamespaces(backend, until: end)
    let registry = PrometheusRegistry()
    var router = backend.router
    if configuration.metricsListen != nil {
      CallMetrics.describe(in: registry)
      router.observe { CallMetrics(method: $0, registry: registry) }
    }
    let server = GRPCServer(
      router: router, configuration: serverConfiguration(access), group: group, logger: logger)
    running.withLock { $0.server = server }
    try await startMetrics(registry, backend, server, group)
    let addresses: [ServerAddress]
    do { addresses = try await server.start(configuration.listen) } catch {
      throw NodeFailure(error)
    }
    let onServing = onServing
    backend.whenServing { onServing(addresses) }
    let reload = running.withLock { parts in
      parts.isStarted = true
      return parts.reload
    }
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

  /// Serves metrics, also on a standby.
  private func startMetrics(
    _ registry: PrometheusRegistry, _ backend: Backend, _ server: GRPCServer,
    _ group: MultiThreadedEventLoopGroup
  ) async throws(NodeFailure) {
    guard let address = configuration.metricsListen else { return }
    do {
      let metrics = try await MetricsEndpoint.start(address, group: group, logger: logger) {
        backend.statistics().flatMapWithEventLoop { statistics, eventLoop in
          // The engines' loops are asked for the numbers, and not for thousands of lines of text.
          NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) {
            var statistics = statistics
            statistics.server = server.statistics
            var exposition = Exposition()
            NodeExposition(statistics).write(to: &exposition)
            registry.write(to: &exposition)
            return exposition.text
          }
        }
      }
      let loops = LoopProbes.loops(of: group, engines: backend.eventLoops)
      let probes = LoopProbes(loops, registry: registry)
      running.withLock { ($0.metrics, $0.probes) = (metrics, probes) }
    } catch {
      throw NodeFailure(error, flag: "--metrics-listen")
    }
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

  /// Reads who may do what, and goes on to look whether that changes.
  private func startAccess() throws(NodeFailure) -> AccessFiles? {
    let access: AccessFiles?
    do throws(ConfigurationError) { access = try AccessFiles(configuration) } catch {
      throw NodeFailure(.configuration, "\(error)")
    }
    guard let access else { return nil }
    let logger = logger
    let watch = Task {
      while (try? await Task.sleep(for: .seconds(1))) != nil {
        try? await NIOThreadPool.singleton.runIfActive { access.look(logger) }
      }
    }
    running.withLock { ($0.access, $0.watch) = (access, watch) }
    return access
  }

  private func serverConfiguration(_ access: AccessFiles?) -> GRPC.ServerConfiguration {
    var server = GRPC.ServerConfiguration()
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
