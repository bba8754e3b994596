import GRPC
import NIOPosix

/// The files that say who may do what and how connections are secured: read at the start, and
/// again when they change.
extension Node {
  /// Refuses to serve everything to everybody, unless that is meant.
  func checkExposure() async throws(NodeFailure) {
    let configuration = configuration
    // Names are looked up, which may take long.
    let problem = try? await NIOThreadPool.singleton.runIfActive {
      ExposedListeners.problem(configuration)
    }
    if let problem { throw NodeFailure(.configuration, problem) }
  }

  /// Reads who may do what; nil = nobody says.
  func readAccess() async throws(NodeFailure) -> AccessFiles? {
    do throws(ConfigurationError) {
      let access = try await AccessFiles(configuration)
      access?.warn(logger)
      running.withLock { $0.access = access }
      return access
    } catch {
      throw NodeFailure(.configuration, "\(error)")
    }
  }

  /// Reads the certificates of the listeners; in their order, nil = without TLS.
  func readSecurity() throws(NodeFailure) -> [ListenerSecurity?] {
    do throws(ConfigurationError) {
      var all: [ListenerSecurity?] = []
      for listener in configuration.listeners {
        all.append(
          try listener.tls.map { tls throws(ConfigurationError) in try ListenerSecurity(tls) })
      }
      let read = all
      running.withLock { $0.security = read }
      return read
    } catch {
      throw NodeFailure(.configuration, "\(error)")
    }
  }

  /// Makes ready to send spans; nil = nobody makes any.
  func startTracing() throws(NodeFailure) -> Tracer? {
    guard let tracing = configuration.tracing else { return nil }
    do throws(ConfigurationError) { try tracing.check() } catch {
      throw NodeFailure(.configuration, "\(error)")
    }
    let exporter = SpanExporter(tracing, logger: logger)
    running.withLock { $0.exporter = exporter }
    return Tracer(sampler: tracing.sampler) { exporter.add($0) }
  }

  /// What the gRPC server makes of a listener.
  func listener(
    _ setting: ListenerSetting, _ security: ListenerSecurity?, _ router: Router
  ) -> ServerListener {
    var listener = ServerListener(setting.address)
    listener.security = security?.credentials
    if let services = setting.services {
      listener.router = router.keeping(services: Set(services.flatMap(\.names)))
    }
    return listener
  }

  /// Looks each second whether the files have changed.
  func watchFiles() {
    let (access, security) = running.withLock { ($0.access, $0.security.compactMap(\.self)) }
    guard access != nil || !security.isEmpty else { return }
    let watch = Task { [weak self] in
      while (try? await Task.sleep(for: .seconds(1))) != nil { await self?.readFilesAgain() }
    }
    running.withLock { $0.watch = watch }
  }

  /// Reads the files again that have changed; what cannot be used leaves what was in force. Clients
  /// that are known by certificates connect anew when other authorities are trusted than before.
  ///
  /// - Parameter always: Whether to read certificates although their files look as before.
  public func readFilesAgain(always: Bool = false) async {
    let (access, security, server) = running.withLock {
      ($0.access, $0.security.compactMap(\.self), $0.server)
    }
    let logger = logger
    await access?.look(logger)
    // One at a time, off the loops.
    let isTrustChanged = try? await Node.fileThread.runIfActive {
      security.map { $0.look(always: always, logger) }.contains(true)
    }
    if isTrustChanged == true { server?.renewCertifiedConnections() }
  }

  private static let fileThread: NIOThreadPool = {
    let pool = NIOThreadPool(numberOfThreads: 1)
    pool.start()
    return pool
  }()
}
