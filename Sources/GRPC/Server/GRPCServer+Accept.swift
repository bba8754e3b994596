import NIOCore

/// What becomes of a new connection before HTTP/2 begins on it.
extension GRPCServer {
  func accept(_ channel: any Channel, _ listener: ServerListener) -> EventLoopFuture<Void> {
    guard configuration.admit != nil, channel.remoteAddress?.ipAddress == nil else {
      return accept(channel, listener, ofUser: nil)
    }
    return PeerCredentials.user(of: channel).flatMap { self.accept(channel, listener, ofUser: $0) }
  }

  private func accept(
    _ channel: any Channel, _ listener: ServerListener, ofUser user: UInt32?
  ) -> EventLoopFuture<Void> {
    let peer = PeerIdentity(name: Self.describe(channel.remoteAddress), user: user)
    if let security = listener.security {
      return secure(channel, security, listener, peer)
    }
    let connection: ServerConnection
    do { connection = try makeConnection(on: channel, listener, peer) } catch {
      logger.error("cannot serve a connection", metadata: ["error": "\(error)"])
      return channel.close()
    }
    guard connections.open(connection, on: channel) else {
      logger.debug("too many connections", metadata: ["peer": "\(peer.name)"])
      return channel.close()
    }
    return channel.eventLoop.makeCompletedFuture { try connection.start(on: channel) }
  }

  private func makeConnection(
    on channel: any Channel, _ listener: ServerListener, _ peer: PeerIdentity
  ) throws -> ServerConnection {
    try ServerConnection(
      eventLoop: channel.eventLoop, router: listener.router ?? router,
      configuration: configuration, counters: counters,
      inflating: inflateScheduler(of: channel.eventLoop), peer: peer, logger: logger,
      jitter: .random(in: -1...1))
  }

  // MARK: Handshakes

  /// Begins a handshake, which counts as a connection and has its time. Nothing of HTTP/2 is there
  /// until it is done: who leaves it half-way has cost no more than it.
  private func secure(
    _ channel: any Channel, _ security: any ServerSecurity, _ listener: ServerListener,
    _ peer: PeerIdentity
  ) -> EventLoopFuture<Void> {
    guard connections.beginHandshake(on: channel) else {
      logger.debug("too many connections", metadata: ["peer": "\(peer.name)"])
      return channel.close()
    }
    do {
      let timeout = NIOLoopBound(
        HandshakeTimeout(after: configuration.lifetime.handshakeTimeout, on: channel.eventLoop),
        eventLoop: channel.eventLoop)
      try channel.pipeline.syncOperations.addHandler(timeout.value, position: .first)
      try security.secure(channel) { result in
        timeout.value.end()
        self.handshakeEnded(result, on: channel, listener, peer)
      }
      return channel.eventLoop.makeSucceededVoidFuture()
    } catch {
      logger.error("there can be no handshake", metadata: ["error": "\(error)"])
      return channel.close()
    }
  }

  private func handshakeEnded(
    _ result: Result<SecuredPeer, any Error>, on channel: any Channel, _ listener: ServerListener,
    _ peer: PeerIdentity
  ) {
    do {
      let secured = try result.get()
      var peer = peer
      peer.certificate = secured.certificate
      let connection = try makeConnection(on: channel, listener, peer)
      let isKnown = connections.endHandshake(
        connection, on: channel, hasCertificate: secured.certificate != nil)
      guard isKnown, secured.isTrusted() else { return channel.close(promise: nil) }
      try connection.start(on: channel)
    } catch {
      counters.handshakesFailed.wrappingAdd(1, ordering: .relaxed)
      logger.debug(
        "a handshake failed", metadata: ["peer": "\(peer.name)", "error": "\(error)"])
      channel.close(promise: nil)
    }
  }
}
