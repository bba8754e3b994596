import Logging
import NIOCore
import NIOPosix

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The connections to one address: makes them and lets them go when ``PoolState`` says so, and
/// tells what becomes of them. Confined to the event loop.
final class Subchannel: ClientConnectionDelegate {
  let id: SubchannelID
  let address: SocketAddress
  private let pool: ConnectionPool
  /// The connection that is being made, or that carries calls.
  private(set) var connection: ClientConnection?
  /// Connections that finish their last calls.
  private var retired: [ObjectIdentifier: ClientConnection] = [:]
  /// Which attempt is under way or brought ``connection``; nil when there is none. What others
  /// bring is dropped.
  private var attempt: Int?
  /// The socket on which the attempt's handshake is under way.
  private var handshaking: (any Channel)?

  init(_ id: SubchannelID, address: SocketAddress, pool: ConnectionPool) {
    self.id = id
    self.address = address
    self.pool = pool
  }

  /// Whether nothing is open any more.
  var isClosed: Bool { connection == nil && retired.isEmpty }

  /// Makes a connection.
  func connect(_ attempt: Int) {
    self.attempt = attempt
    guard let security = pool.configuration.security else { return open(attempt, nil) }
    security.prepare(for: pool.target, on: pool.eventLoop).assumeIsolated().whenComplete {
      switch $0 {
      case .success(let handshake): self.open(attempt, handshake)
      case .failure(let error): self.failed(attempt, "\(error)")
      }
    }
  }

  private func open(_ attempt: Int, _ handshake: ClientHandshake?) {
    guard attempt == self.attempt else { return }
    bootstrap().connect(to: address).assumeIsolated().whenComplete { result in
      switch result {
      case .success(let channel): self.opened(attempt, channel, handshake)
      case .failure(let error): self.failed(attempt, Self.describe(error))
      }
    }
  }

  private func opened(_ attempt: Int, _ channel: any Channel, _ handshake: ClientHandshake?) {
    guard attempt == self.attempt else { return channel.close(promise: nil) }
    guard !channel.isConnectedToItself else {
      // Keeping it would also keep the port from the server that is to come.
      channel.close(promise: nil)
      return failed(attempt, "Connection refused")
    }
    guard let handshake else { return connected(attempt, channel) }
    handshaking = channel
    do {
      try handshake.begin(channel) { result in
        if self.handshaking === channel { self.handshaking = nil }
        switch result {
        case .success: self.connected(attempt, channel)
        case .failure(let error):
          channel.close(promise: nil)
          self.failed(attempt, "no TLS: \(error)")
        }
      }
    } catch {
      channel.close(promise: nil)
      failed(attempt, "no TLS: \(error)")
    }
  }

  /// Cuts the attempt that is under way.
  func giveUp(_ reason: String) {
    pool.logger.debug("cannot connect to \(address): \(reason)")
    cut(reason)
  }

  /// Closes the connection when its calls have ended; cuts an attempt that is under way.
  func release() {
    attempt = nil
    endHandshake()
    guard let connection else { return }
    // First out of the way, so that its end is not taken for a failure.
    move(connection)
    if connection.isReady {
      connection.retire()
    } else {
      connection.close()
    }
  }

  private func endHandshake() {
    guard let channel = handshaking.take() else { return }
    channel.close(promise: nil)
  }

  /// Cuts every connection.
  func closeNow() {
    endHandshake()
    connection?.close(because: "the channel was closed")
    for connection in retired.values { connection.close(because: "the channel was closed") }
  }

  private func move(_ connection: ClientConnection) {
    guard self.connection === connection else { return }
    self.connection = nil
    if !connection.isLost { retired[ObjectIdentifier(connection)] = connection }
  }

  private func cut(_ reason: String) {
    attempt = nil
    endHandshake()
    guard let connection else { return }
    move(connection)
    connection.close(because: reason)
  }

  // MARK: Connecting

  private func bootstrap() -> ClientBootstrap {
    var bootstrap = ClientBootstrap(group: pool.eventLoop)
      .connectTimeout(pool.configuration.connectTimeout)
    guard address.protocol != .unix else { return bootstrap }
    for (option, value) in TCPOptions.all {
      bootstrap = bootstrap.channelOption(option, value: value)
    }
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
    do {
      let connection = try ClientConnection(
        configuration: pool.configuration, keepalive: pool.keepalive, liveness: pool.liveness,
        on: channel.eventLoop, now: .now())
      connection.delegate = self
      self.connection = connection
      try connection.start(on: channel)
    } catch {
      channel.close(promise: nil)
      failed(attempt, Self.describe(error))
    }
  }

  private func failed(_ attempt: Int, _ reason: String) {
    guard attempt == self.attempt else { return }
    pool.logger.debug("cannot connect to \(address): \(reason)")
    cut(reason)
    pool.handle { $0.ended(self.id, attempt, reason, now: $1, random: $2) }
  }

  private static func describe(_ error: any Error) -> String {
    if case .connectTimeout = error as? ChannelError { return "timed out" }
    if let error = error as? IOError { return String(cString: strerror(error.errnoCode)) }
    return "\(error)"
  }

  // MARK: What the connection tells

  func connectionDidBecomeReady(_ connection: ClientConnection) {
    guard self.connection === connection, let attempt else { return }
    pool.logger.debug("connected to \(address)")
    pool.handle { $0.connected(self.id, attempt, now: $1, random: $2) }
  }

  func connectionDidProve(_ connection: ClientConnection) {
    guard self.connection === connection, let attempt else { return }
    pool.handle { $0.proved(self.id, attempt, now: $1, random: $2) }
  }

  func connectionDidFallSilent(_ connection: ClientConnection) {
    pool.suspect(address, because: connection)
  }

  /// Asks whether the peer lives, because another connection to it does not seem to.
  func suspect(because silent: ClientConnection, now: NIODeadline) {
    if let connection, connection !== silent { connection.suspect(now: now) }
  }

  func connectionMayTakeCalls(_ connection: ClientConnection) {
    pool.drainQueue()
  }

  func connectionDidRetire(_ connection: ClientConnection, tooManyPings: Bool) {
    if tooManyPings { pool.sendFewerPings() }
    ended(connection)
  }

  func connectionDidClose(_ connection: ClientConnection) {
    if retired.removeValue(forKey: ObjectIdentifier(connection)) == nil { ended(connection) }
    pool.connectionDidClose()
  }

  private func ended(_ connection: ClientConnection) {
    guard self.connection === connection, let attempt else { return }
    guard connection.isReady else { return failed(attempt, connection.lossDescription) }
    move(connection)
    self.attempt = nil
    pool.logger.debug("connection to \(address) ended: \(connection.lossDescription)")
    pool.handle {
      $0.ended(
        self.id, attempt, connection.lossDescription, isRenewal: connection.isRenewed, now: $1,
        random: $2)
    }
  }
}

extension Channel {
  /// Whether both ends are one socket: what TCP makes of connecting to a port of this machine on
  /// which nobody listens, when the system happens to choose the same port for our end (RFC 9293,
  /// section 3.5: simultaneous open).
  var isConnectedToItself: Bool {
    guard let localAddress, let remoteAddress, remoteAddress.port != nil else { return false }
    return localAddress == remoteAddress
  }
}
