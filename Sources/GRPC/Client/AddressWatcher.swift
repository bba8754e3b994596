import NIOCore

/// Keeps the addresses of a target up to date, when ``ResolutionState`` says so. Confined to the
/// event loop.
final class AddressWatcher {
  private let target: ChannelTarget
  private let eventLoop: any EventLoop
  private let resolver: any AddressResolver
  private let random: @Sendable () -> Double
  private var state: ResolutionState
  private var timer: Scheduled<Void>?

  init(
    target: ChannelTarget, configuration: ChannelConfiguration, eventLoop: any EventLoop,
    resolver: any AddressResolver, random: @escaping @Sendable () -> Double
  ) {
    self.target = target
    self.eventLoop = eventLoop
    self.resolver = resolver
    self.random = random
    state = ResolutionState(
      backoff: configuration.backoff,
      minimumInterval: configuration.minimumResolutionInterval)
  }

  /// Looks up the addresses soon: `pool` is told of the outcome.
  func request(for pool: ConnectionPool) {
    do {
      if let address = try target.literalAddress() {
        if pool.subchannels.isEmpty { pool.addressesDidChange([address]) }
        return
      }
    } catch {
      return pool.resolutionDidFail("\(target) is no valid address: \(error)")
    }
    perform(state.request(now: .now()), for: pool)
  }

  /// Plans no further look-up until the next request.
  func stop() {
    timer?.cancel()
    state.stop()
  }

  private func perform(_ action: ResolutionState.Action, for pool: ConnectionPool) {
    timer?.cancel()
    switch action {
    case .none: break
    case .wait(let until):
      timer = eventLoop.assumeIsolated().scheduleTask(deadline: until) {
        self.perform(self.state.timeCame(now: .now()), for: pool)
      }
    case .resolve:
      guard case .host(let host, let port) = target.address else { return }
      resolver.resolve(host: host, port: port, on: eventLoop).assumeIsolated().whenComplete {
        result in
        self.conclude(result, for: pool)
      }
    }
  }

  private func conclude(_ result: Result<[SocketAddress], any Error>, for pool: ConnectionPool) {
    switch result {
    case .success(let addresses):
      state.succeeded()
      pool.addressesDidChange(addresses)
    case .failure(let error):
      let isNeeded = pool.isAwake && !pool.isClosed
      let action = state.failed(now: .now(), random: random(), isNeeded: isNeeded)
      pool.resolutionDidFail("\(error)")
      perform(action, for: pool)
    }
  }
}
