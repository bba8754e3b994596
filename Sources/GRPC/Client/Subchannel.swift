import Logging
import NIOCore
import NIOPosix

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// One place for a connection to one address: connects, and connects again, when ``SubchannelState``
/// says so. Confined to the event loop.
final class Subchannel: ClientConnectionDelegate {
  let address: SocketAddress
  private let pool: ConnectionPool
  private var state: SubchannelState
  /// The connection that is being made, or that carries calls.
  private(set) var connection: ClientConnection?
  /// Connections that finish their last calls.
  private var retired: [ObjectIdentifier: ClientConnection] = [:]
  /// Which attempt to connect is under way; what others bring is dropped.
  private var attempt = 0
  private var timer: Scheduled<Void>?

  init(address: SocketAddress, pool: ConnectionPool) {
    self.address = address
    self.pool = pool
    state = SubchannelState(pool.configuration.backoff)
  }

  var connectivity: Connectivity { state.connectivity }

  /// Whether nothing is open any more.
  var isClosed: Bool { connection == nil && retired.isEmpty }

  /// Connects, if there is no connection and no attempt.
  func connect() {
    perform(state.connect(now: .now()))
  }

  /// Closes the connection when its calls have ended, and makes no other until asked.
  func becomeIdle() {
    state.becomeIdle()
    release()
  }

  /// The same, for good.
  func shutDown() {
    state.shutDown()
    release()
  }

  /// Cuts every connection.
  func closeNow() {
    connection?.close(because: "the channel was closed")
    for connection in retired.values { connection.close(because: "the channel was closed") }
  }

  private func release() {
    timer?.cancel()
    attempt += 1
    guard let connection else { return }
    // First out of the way, so that its end is not taken for a failure.
    move(connection)
    if connection.isReady {
      connection.retire()
    } else {
      connection.close()
    }
  }

  private func move(_ connection: ClientConnection) {
    guard self.connection === connection else { return }
    self.connection = nil
    if !connection.isLost { retired[ObjectIdentifier(connection)] = connection }
  }

  // MARK: Connecting

  private func perform(_ action: SubchannelState.Action) {
    timer?.cancel()
    switch action {
    case .none: break
    case .connect: startAttempt()
    case .wait(let until):
      timer = pool.eventLoop.assumeIsolated().scheduleTask(deadline: until) {
        self.perform(self.state.backoffElapsed(now: .now()))
      }
    }
    pool.subchannelDidChange()
  }

  private func startAttempt() {
    attempt += 1
    let attempt = attempt
    let timeout = pool.configuration.connectTimeout
    timer = pool.eventLoop.assumeIsolated().scheduleTask(in: timeout) {
      self.attemptFailed(
        attempt, "no HTTP/2 connection within \(timeout.nanoseconds / 1_000_000) ms")
    }
    bootstrap().connect(to: address).assumeIsolated().whenComplete { result in
      switch result {
      case .success(let channel): self.connected(attempt, channel)
      case .failure(let error): self.attemptFailed(attempt, Self.describe(error))
      }
    }
  }

  private func bootstrap() -> ClientBootstrap {
    var bootstrap = ClientBootstrap(group: pool.eventLoop)
      .connectTimeout(pool.configuration.connectTimeout)
    guard address.protocol != .unix else { return bootstrap }
    bootstrap = bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
    #if canImport(Glibc)
      // gRFC A18: also TCP gives up a peer that acknowledges nothing for that long.
      let timeout = pool.keepalive.timeout.nanoseconds / 1_000_000
      if pool.keepalive.interval != nil, timeout > 0 {
        bootstrap = bootstrap.channelOption(
          .tcpOption(.init(rawValue: TCP_USER_TIMEOUT)),
          value: ChannelOptions.Types.SocketOption.Value(clamping: timeout))
      }
    #endif
    return bootstrap
  }

  private func connected(_ attempt: Int, _ channel: any Channel) {
    guard attempt == self.attempt else { return channel.close(promise: nil) }
    guard !channel.isConnectedToItself else {
      // Keeping it would also keep the port from the server that is to come.
      channel.close(promise: nil)
      return attemptFailed(attempt, "Connection refused")
    }
    do {
      let connection = try ClientConnection(
        configuration: pool.configuration, keepalive: pool.keepalive, now: .now())
      connection.delegate = self
      connection.session.delegate = connection
      self.connection = connection
      try channel.pipeline.syncOperations.addHandler(connection)
    } catch {
      channel.close(promise: nil)
      attemptFailed(attempt, Self.describe(error))
    }
  }

  private func attemptFailed(_ attempt: Int, _ reason: String) {
    guard attempt == self.attempt else { return }
    self.attempt += 1
    pool.lastFailure = "\(reason) (\(address))"
    pool.logger.debug("cannot connect to \(address): \(reason)")
    if let connection {
      move(connection)
      connection.close(because: reason)
    }
    let action = state.attemptFailed(now: .now(), random: pool.random())
    pool.requestResolution()
    perform(action)
  }

  private static func describe(_ error: any Error) -> String {
    if case .connectTimeout = error as? ChannelError { return "timed out" }
    if let error = error as? IOError { return String(cString: strerror(error.errnoCode)) }
    return "\(error)"
  }

  // MARK: What the connection tells

  func connectionDidBecomeReady(_ connection: ClientConnection) {
    guard self.connection === connection else { return }
    timer?.cancel()
    state.connected(now: .now())
    pool.logger.debug("connected to \(address)")
    pool.subchannelDidChange()
  }

  func connectionDidReceiveAnswer(_ connection: ClientConnection) {
    if self.connection === connection { state.proved() }
  }

  func connectionMayTakeCalls(_ connection: ClientConnection) {
    pool.drainQueue()
  }

  func connectionDidRetire(_ connection: ClientConnection, tooManyPings: Bool) {
    if tooManyPings { pool.doubleKeepaliveInterval() }
    ended(connection)
  }

  func connectionDidClose(_ connection: ClientConnection) {
    if retired.removeValue(forKey: ObjectIdentifier(connection)) == nil { ended(connection) }
    pool.subchannelDidClose(self)
  }

  private func ended(_ connection: ClientConnection) {
    guard self.connection === connection else { return }
    guard connection.isReady else { return attemptFailed(attempt, connection.lossDescription) }
    move(connection)
    pool.lastFailure = "\(connection.lossDescription) (\(address))"
    pool.logger.debug("connection to \(address) ended: \(connection.lossDescription)")
    let action = state.connectionEnded(now: .now(), random: pool.random())
    pool.requestResolution()
    perform(action)
  }
}

extension Channel {
  /// Whether both ends are one socket: what TCP makes of connecting to a port of this machine on which
  /// nobody listens, when the system happens to choose the same port for our end (RFC 9293, section
  /// 3.5: simultaneous open).
  var isConnectedToItself: Bool {
    guard let localAddress, let remoteAddress, remoteAddress.port != nil else { return false }
    return localAddress == remoteAddress
  }
}
