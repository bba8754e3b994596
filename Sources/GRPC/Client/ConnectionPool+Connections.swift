import NIOCore

/// The connections of a channel.
extension ConnectionPool {
  // MARK: Awake and idle

  /// Has connections made, if there are none.
  func wake() {
    guard !isAwake, !isClosed else { return }
    isAwake = true
    lastCallEnded = .now()
    armIdleTimer(lastCallEnded)
    for subchannel in subchannels { subchannel.connect() }
    addresses.request(for: self)
    reconsider()
  }

  private func armIdleTimer(_ from: NIODeadline) {
    guard let timeout = configuration.idleTimeout else { return }
    idleTimer = eventLoop.assumeIsolated().scheduleTask(deadline: from + timeout) {
      self.checkIdle(timeout)
    }
  }

  private func checkIdle(_ timeout: TimeAmount) {
    guard isAwake else { return }
    let now = NIODeadline.now()
    guard openCalls == 0, readyWaiters.isEmpty else { return armIdleTimer(now) }
    guard now >= lastCallEnded + timeout else { return armIdleTimer(lastCallEnded) }
    logger.debug("closing idle connections")
    isAwake = false
    addresses.stop()
    for subchannel in subchannels { subchannel.becomeIdle() }
    reconsider()
  }

  /// Calls `body` once a connection is ready; now, if one is.
  func whenReady(_ body: @escaping @Sendable () -> Void) {
    guard !isClosed else { return }
    if connectivity == .ready { return body() }
    readyWaiters.append(body)
    wake()
  }

  // MARK: Addresses

  /// The addresses may be out of date.
  func requestResolution() {
    if isAwake, !isClosed { addresses.request(for: self) }
  }

  func addressesDidChange(_ resolved: [SocketAddress]) {
    guard !isClosed else { return }
    hasResolutionFailed = false
    let change = AddressSet.change(
      from: subchannels.map(\.address), to: resolved, connections: configuration.connections)
    for index in change.removed.reversed() {
      let subchannel = subchannels.remove(at: index)
      leaving.append(subchannel)
      subchannel.shutDown()
    }
    subchannels += change.added.map { Subchannel(address: $0, pool: self) }
    if isAwake {
      for subchannel in subchannels { subchannel.connect() }
    }
    reconsider()
  }

  func resolutionDidFail(_ reason: String) {
    guard !isClosed else { return }
    hasResolutionFailed = true
    logger.debug("\(reason)")
    if subchannels.isEmpty { lastFailure = reason }
    reconsider()
  }

  // MARK: What subchannels tell

  func subchannelDidChange() {
    reconsider()
  }

  func subchannelDidClose(_ subchannel: Subchannel) {
    reconsider()
  }

  /// gRFC A8: whoever is told `too_many_pings` doubles the interval.
  func doubleKeepaliveInterval() {
    guard let interval = keepalive.interval else { return }
    let doubled = min(interval.nanoseconds.multipliedReportingOverflow(by: 2).partialValue, .max)
    keepalive.interval = .nanoseconds(min(max(doubled, interval.nanoseconds), 86_400_000_000_000))
    logger.notice("the peer complains of keepalive PINGs; the interval is doubled")
  }

  /// Publishes the state and does what it allows: calls go, waiters are told, calls that do not
  /// wait for readiness fail.
  private func reconsider() {
    leaving.removeAll(where: \.isClosed)
    let state = currentConnectivity()
    publish(state)
    switch state {
    case .ready:
      drainQueue()
      let waiters = readyWaiters
      readyWaiters = []
      for waiter in waiters { waiter() }
    case .transientFailure:
      let failing = queue.removeAll { !$0.waitsForReady }
      for call in failing {
        call.isQueued = false
        failUnreachable(call)
      }
    case .shutdown:
      guard leaving.isEmpty else { return }
      cancelDeadlineTimer()
      let promises = closePromises
      closePromises = []
      for promise in promises { promise.succeed() }
    case .idle, .connecting:
      break
    }
  }

  private func currentConnectivity() -> Connectivity {
    if isClosed { return .shutdown }
    if !isAwake { return .idle }
    if subchannels.isEmpty { return hasResolutionFailed ? .transientFailure : .connecting }
    return Connectivity.aggregate(subchannels.lazy.map(\.connectivity))
  }

  // MARK: The end

  /// Takes no more calls, lets those that are open end, and closes.
  func close(_ promise: EventLoopPromise<Void>) {
    closePromises.append(promise)
    if !isClosed {
      isClosed = true
      isAwake = false
      idleTimer?.cancel()
      addresses.stop()
      readyWaiters = []
      leaving += subchannels
      subchannels = []
      for subchannel in leaving { subchannel.shutDown() }
      let waiting = queue.removeAll(where: { _ in true }) + pausing
      pausing = []
      for call in waiting {
        call.isQueued = false
        end(call, .channelClosed, .unavailable, "the channel is closed")
      }
    }
    reconsider()
  }

  /// The same, but open calls are lost.
  func closeNow(_ promise: EventLoopPromise<Void>) {
    close(promise)
    for subchannel in leaving { subchannel.closeNow() }
  }
}
