import NIOCore

/// The connections of a channel.
extension ConnectionPool {
  /// Hands an input to the state and does what follows from it.
  func handle(_ input: (inout PoolState<UnaryCall>, NIODeadline, Double) -> Void) {
    input(&state, .now(), random())
    settle()
  }

  /// Performs effects, and what they bring about, until all is at rest; then sees to the timer.
  /// Every change of the state ends here.
  func settle() {
    isUnsettled = true
    guard !isSettling else { return }
    isSettling = true
    while isUnsettled {
      isUnsettled = false
      for effect in state.takeEffects() { perform(effect) }
      reconsider()
    }
    isSettling = false
    timer.update(for: self)
  }

  private func perform(_ effect: PoolEffect) {
    switch effect {
    case .connect(let id, let attempt, let address):
      let subchannel = subchannels[id] ?? Subchannel(id, address: address, pool: self)
      subchannels[id] = subchannel
      subchannel.connect(attempt)
    case .giveUp(let id, let reason):
      subchannels[id]?.giveUp(reason)
    case .release(let id, let isGone):
      guard let subchannel = subchannels[id] else { return }
      if isGone {
        subchannels[id] = nil
        leaving.append(subchannel)
      }
      subchannel.release()
    case .lookUp(let number):
      lookUp(number)
    case .outage(let outage):
      if let tell = configuration.outages { tell(outage) } else { log(outage) }
    }
  }

  private func log(_ outage: ChannelOutage) {
    switch outage {
    case .began(_, let reason, let waiting):
      logger.warning(
        "the endpoint cannot be reached",
        metadata: ["reason": "\(reason)", "waiting": "\(waiting)"])
    case .ended(let since, let now, let waited):
      let seconds = Double((now - since).nanoseconds / 1_000_000) / 1_000
      logger.notice(
        "the endpoint can be reached again",
        metadata: ["away_seconds": "\(seconds)", "waited": "\(waited)"])
    case .abandoned: break
    }
  }

  private func lookUp(_ number: Int) {
    guard case .host(let host, let port) = target.address else { return }
    resolver.resolve(host: host, port: port, on: eventLoop).assumeIsolated().whenComplete {
      switch $0 {
      case .success(let addresses):
        self.handle { $0.resolved(number, addresses, now: $1, random: $2) }
      case .failure(let error):
        self.logger.debug("\(error)")
        self.handle { $0.resolutionFailed(number, "\(error)", now: $1, random: $2) }
      }
    }
  }

  /// Calls `body` once a connection is ready; now, if one is.
  func whenReady(_ body: @escaping @Sendable () -> Void) {
    guard !state.isClosed else { return }
    if connectivity == .ready { return body() }
    readyWaiters.append(body)
    handle { $0.waiterArrived(now: $1, random: $2) }
  }

  /// One of a subchannel's connections, perhaps the last, is gone.
  func connectionDidClose() {
    settle()
  }

  /// A peer that is frozen is so on all its connections: each is asked, before calls find it out
  /// one by one.
  func suspect(_ address: SocketAddress, because silent: ClientConnection) {
    let now = NIODeadline.now()
    for subchannel in usable where subchannel.address == address {
      subchannel.suspect(because: silent, now: now)
    }
  }

  /// gRFC A8: whoever is told `too_many_pings` doubles the interval.
  func sendFewerPings() {
    liveness?.sparePings = 0
    guard let interval = keepalive.interval else { return }
    let doubled = min(interval.nanoseconds.multipliedReportingOverflow(by: 2).partialValue, .max)
    keepalive.interval = .nanoseconds(min(max(doubled, interval.nanoseconds), 86_400_000_000_000))
    logger.notice("the peer complains of keepalive PINGs; the interval is doubled")
  }

  /// Publishes the state and does what it allows: calls go, waiters are told, calls that do not
  /// wait for readiness fail.
  private func reconsider() {
    leaving.removeAll(where: \.isClosed)
    usable = state.usable.compactMap { subchannels[$0] }
    let connectivity = state.connectivity
    publish(connectivity)
    switch connectivity {
    case .ready:
      drainQueue()
      guard !readyWaiters.isEmpty else { return }
      let waiters = readyWaiters
      readyWaiters = []
      state.waitersWereTold(now: .now())
      for waiter in waiters { waiter() }
    case .transientFailure:
      for call in state.calls.removeImpatient() { failUnreachable(call) }
    case .shutdown:
      guard leaving.isEmpty else { return }
      let promises = closePromises
      closePromises = []
      for promise in promises { promise.succeed() }
    case .idle, .connecting:
      break
    }
  }

  // MARK: The end

  /// Takes no more calls, lets those that are open end, and closes.
  func close(_ promise: EventLoopPromise<Void>) {
    closePromises.append(promise)
    readyWaiters = []
    state.close()
    for call in state.calls.removeAll() {
      end(call, .channelClosed, .unavailable, "the channel is closed")
    }
    settle()
  }

  /// Closes every connection at once; open calls are lost.
  func closeNow(_ promise: EventLoopPromise<Void>) {
    close(promise)
    for subchannel in leaving + subchannels.values { subchannel.closeNow() }
  }
}

extension ConnectionPool: TimeDriven {
  var nextTime: NIODeadline? { state.nextDeadline }

  func timeCame(now: NIODeadline) {
    expire(now: now)
    handle { state, _, random in state.advance(now: now, random: random) }
  }
}
