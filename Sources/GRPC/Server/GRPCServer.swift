import HTTP2
public import Logging
public import NIOCore
public import NIOPosix
import Synchronization

/// A gRPC server: HTTP/2 on TCP ports and Unix sockets, with what secures a listener before it.
///
/// Connections are spread over the event loops of a group; a connection stays on its loop, and so
/// do its calls. Make it, `start` it, and `stop` it: it cannot be started again.
public final class GRPCServer: Sendable {
  let router: Router
  let configuration: ServerConfiguration
  private let group: MultiThreadedEventLoopGroup
  private let ownsGroup: Bool
  let logger: Logger
  let connections: ConnectionRegistry
  let counters = ServerCounters()
  private let state = Mutex(State())
  /// One for each event loop that has connections.
  private let inflating = Mutex<[ObjectIdentifier: InflateScheduler]>([:])

  private struct State {
    var isStarted = false
    var listeners: [(address: ServerAddress, channel: any Channel)] = []
  }

  /// - Parameters:
  ///   - router: which methods are served.
  ///   - configuration: limits and times.
  ///   - group: whose event loops serve the connections; nil makes one with a loop per core, which
  ///     `stop` shuts down.
  ///   - logger: is told of connections that break the rules, at debug level.
  public init(
    router: Router, configuration: ServerConfiguration = ServerConfiguration(),
    group: MultiThreadedEventLoopGroup? = nil, logger: Logger = Logger(label: "grpc.server")
  ) {
    self.router = router
    self.configuration = configuration
    self.logger = logger
    ownsGroup = group == nil
    self.group = group ?? MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)
    connections = ConnectionRegistry(
      maxTotal: configuration.maxConnections ?? FileDescriptorLimit.connections,
      maxPerPeer: configuration.maxConnectionsPerPeer, counters: counters)
  }

  /// The statistics as of now. From any thread.
  public var statistics: ServerStatistics {
    var statistics = ServerStatistics()
    connections.describe(&statistics)
    statistics.connectionsRefused = counters.connectionsRefused.load(ordering: .relaxed)
    statistics.connectionsRefusedPerPeer = counters.connectionsRefusedPerPeer.load(
      ordering: .relaxed)
    statistics.handshakesDropped = counters.handshakesDropped.load(ordering: .relaxed)
    statistics.handshakesFailed = counters.handshakesFailed.load(ordering: .relaxed)
    statistics.maxStreams = Int(configuration.http2.maxConcurrentStreams)
    statistics.streamsRefused = counters.streamsRefused.load(ordering: .relaxed)
    statistics.requestBytes = counters.requestBytes.load(ordering: .relaxed)
    statistics.maxRequestBytes = configuration.maxRequestBytes
    statistics.requestBytesRefused = counters.requestBytesRefused.load(ordering: .relaxed)
    statistics.maxRequestBytesPerConnection = configuration.maxBufferedRequestBytes
    statistics.requestBytesRefusedPerConnection = counters.requestBytesRefusedPerConnection.load(
      ordering: .relaxed)
    statistics.unreadBytes = counters.responseBytes.load(ordering: .relaxed)
    statistics.maxUnreadBytes = configuration.maxUnreadBytes
    statistics.unreadBytesRefused = counters.responseBytesRefused.load(ordering: .relaxed)
    statistics.maxUnreadBytesPerConnection = configuration.maxUnreadBytesPerConnection
    statistics.responsesDropped = counters.responsesDropped.load(ordering: .relaxed)
    statistics.maxMessageSize = configuration.maxMessageSize
    statistics.messagesRefused = counters.messagesRefused.load(ordering: .relaxed)
    return statistics
  }

  /// Where the server really listens, with the ports that the system chose. Empty before `start`.
  public var addresses: [ServerAddress] { state.withLock { $0.listeners.map(\.address) } }

  /// How many connections are open.
  public var connectionCount: Int { connections.count }

  /// Begins to listen on all addresses, or on none.
  ///
  /// A Unix socket that nobody listens on any more is replaced.
  ///
  /// - Returns: the addresses in the same order, with the ports that the system chose.
  /// - Throws: `ServerError`.
  @discardableResult
  public func start(_ addresses: [ServerAddress]) async throws(ServerError) -> [ServerAddress] {
    try await start(addresses.map { ServerListener($0) })
  }

  /// Begins to listen on all of these, or on none; else as with addresses alone.
  @discardableResult
  public func start(_ listeners: [ServerListener]) async throws(ServerError) -> [ServerAddress] {
    let isFirst = state.withLock { state in
      defer { state.isStarted = true }
      return !state.isStarted
    }
    guard isFirst else { throw .alreadyStarted }
    var bound: [(ServerAddress, any Channel)] = []
    for listener in listeners {
      do {
        let channel = try await bind(listener)
        bound.append((listener.address.bound(to: channel.localAddress), channel))
      } catch {
        for (_, channel) in bound { try? await channel.close() }
        throw error
      }
    }
    let all = bound
    state.withLock { $0.listeners = all }
    return all.map(\.0)
  }

  /// Asks the clients that are known by certificates to connect anew: what such a certificate is
  /// trusted for has changed. Calls go on for as long as `ConnectionLifetime.Limits.grace`.
  public func renewCertifiedConnections() {
    connections.renewCertified()
  }

  /// Ends in order: listens no more, asks the clients to go (two GOAWAYs, so that no call on its
  /// way is lost), and lets open calls go on for a while.
  ///
  /// - Parameter grace: after it, what is still open is cut; nil = that of the configuration.
  public func stop(grace: TimeAmount? = nil) async {
    let listeners = state.withLock { state in
      state.isStarted = true
      defer { state.listeners = [] }
      return state.listeners
    }
    for (address, channel) in listeners {
      try? await channel.close()
      if case .unix(let path) = address { UnixSocketFile.remove(path) }
    }
    await connections.shutDown(grace: grace)
    if ownsGroup { try? await group.shutdownGracefully() }
  }

  // MARK: Sockets

  private func bind(_ listener: ServerListener) async throws(ServerError) -> any Channel {
    let address = listener.address
    var bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1_024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.writeBufferWaterMark, value: .init(low: 32 << 10, high: 64 << 10))
      .childChannelOption(
        .recvAllocator,
        value: AdaptiveRecvByteBufferAllocator(minimum: 2_048, initial: 16_384, maximum: 65_536)
      )
      .childChannelInitializer { self.accept($0, listener) }
    do {
      switch address {
      case .tcp(let host, let port):
        for (option, value) in TCPOptions.all {
          bootstrap = bootstrap.childChannelOption(option, value: value)
        }
        return try await bootstrap.bind(host: host, port: port).get()
      case .unix(let path):
        try await UnixSocketFile.prepare(path, group: group)
        return try await bootstrap.bind(unixDomainSocketPath: path).get()
      }
    } catch let error as ServerError {
      throw error
    } catch let error as IOError where error.errnoCode == UnixSocketFile.addressInUse {
      throw .addressInUse(address)
    } catch {
      throw .cannotBind(address, reason: "\(error)")
    }
  }

  func inflateScheduler(of eventLoop: any EventLoop) -> InflateScheduler {
    inflating.withLock { inflating in
      let key = ObjectIdentifier(eventLoop)
      if let scheduler = inflating[key] { return scheduler }
      let scheduler = InflateScheduler(eventLoop: eventLoop)
      inflating[key] = scheduler
      return scheduler
    }
  }

  static func describe(_ address: SocketAddress?) -> String {
    guard let address, let host = address.ipAddress, let port = address.port else { return "unix:" }
    return ServerAddress.tcp(host: host, port: port).description
  }
}
