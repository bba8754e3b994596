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

  /// Looks up the addresses soon: `core` is told of the outcome.
  func request(for core: ChannelCore) {
    do {
      if let address = try target.literalAddress() {
        if core.subchannels.isEmpty { core.addressesDidChange([address]) }
        return
      }
    } catch {
      return core.resolutionDidFail("\(target) is no valid address: \(error)")
    }
    perform(state.request(now: .now()), for: core)
  }

  /// Plans no further look-up until the next request.
  func stop() {
    timer?.cancel()
    state.stop()
  }

  private func perform(_ action: ResolutionState.Action, for core: ChannelCore) {
    timer?.cancel()
    switch action {
    case .none: break
    case .wait(let until):
      timer = eventLoop.assumeIsolated().scheduleTask(deadline: until) {
        self.perform(self.state.timeCame(now: .now()), for: core)
      }
    case .resolve:
      guard case .host(let host, let port) = target.address else { return }
      resolver.resolve(host: host, port: port, on: eventLoop).assumeIsolated().whenComplete {
        result in
        self.conclude(result, for: core)
      }
    }
  }

  private func conclude(_ result: Result<[SocketAddress], any Error>, for core: ChannelCore) {
    switch result {
    case .success(let addresses):
      state.succeeded()
      core.addressesDidChange(addresses)
    case .failure(let error):
      let isNeeded = core.isAwake && !core.isClosed
      let action = state.failed(now: .now(), random: random(), isNeeded: isNeeded)
      core.resolutionDidFail("\(error)")
      perform(action, for: core)
    }
  }
}
