import HTTP2
import NIOCore

/// What is due on a connection.
extension ServerConnection {
  /// Begins an orderly end: what is open may go on for `grace`.
  func shutDown(grace: TimeAmount?) {
    driver.beginTurn()
    perform(lifetime.shutDown(grace: grace, now: now))
  }

  /// Does what `ConnectionLifetime` says.
  func perform(_ action: ConnectionLifetime.Action) {
    switch action {
    case .none:
      return
    case .ping:
      session.submitPing(payload: ConnectionLifetime.keepalivePayload)
    case .announceShutdown:
      session.submitShutdownNotice()
    case .confirmShutdown:
      session.submitPing(payload: ConnectionLifetime.shutdownPayload)
    case .refuseNewCalls(let last):
      session.submitGoAway(.noError, lastStreamID: last)
    case .close(.tooManyPings):
      // The connection closes behind it: a second GOAWAY would come without the text.
      session.submitGoAway(.enhanceYourCalm, debugData: "too_many_pings")
    case .close(.handshakeTimeout):
      session.terminate(.settingsTimeout)
    case .close(.graceExpired):
      session.terminate(.noError)
    case .close(.keepaliveTimeout):
      driver.closeNow()
      return
    }
    if case .close = action { driver.closeAfterFlush() }
    driver.updateTimer()
    driver.setNeedsFlush()
  }

  /// Remembers a call's deadline.
  func insert(deadline: NIODeadline, of call: ServerStream) {
    guard let id = call.id else { return }
    deadlines.insert(
      DeadlineQueue.Entry(deadline: deadline, stream: id), openCalls: runningCalls.count,
      isOpen: { session.stream($0) != nil })
    driver.updateTimer()
  }

  /// Looks for what a client takes or sends too slowly after a while; often enough to notice it
  /// within a quarter more than its time.
  func checkPaceLater() {
    guard paceCheckAt == nil else { return }
    let shortest = min(
      configuration.stallTimeout, configuration.unfinishedRequestTimeout ?? .hours(1))
    paceCheckAt = now + .nanoseconds(shortest.nanoseconds / 4)
    driver.updateTimer()
  }

  private func checkPace() {
    if let unwritableSince = driver.unwritableSince {
      if now - unwritableSince >= configuration.stallTimeout {
        logger.debug("a client takes nothing", metadata: ["peer": "\(peer)"])
        driver.closeNow()
        return
      }
      checkPaceLater()
    }
    // Answers leave one after the other: one that waits behind others is not to blame its client
    // for, as long as these are taken. How many wait does not matter: who asks for many
    // is asked for no more in a minute than who asks for the longest of them.
    let calls = calls()
    let next = Pace.demand(ofWaiting: calls.lazy.map(\.body.byteCount).max() ?? 0)
    var slowness = OutputSlowness.none
    if outputPace.isTooSlow(period: configuration.stallTimeout, next: next, now: now) {
      slowness = outputPace.hasMoved ? .some : .all
      outputPace = Pace(demanded: next, now: now)
    }
    for call in calls where call.keepsPace(slowness: slowness) { checkPaceLater() }
  }
}

// MARK: - The timer

extension ServerConnection {
  var unfinishedFrameTimeout: TimeAmount? { configuration.unfinishedRequestTimeout }

  func frameTookTooLong() {
    logger.debug("a client does not end a frame", metadata: ["peer": "\(peer)"])
    session.terminate(.enhanceYourCalm)
    driver.closeAfterFlush()
    driver.setNeedsFlush()
  }

  var nextTime: NIODeadline? {
    .earliest(lifetime.nextWakeup, .earliest(deadlines.next, paceCheckAt))
  }

  func timeCame(now: NIODeadline) {
    while true {
      let action = lifetime.wake(now: now)
      guard action != .none else { break }
      perform(action)
    }
    while let id = deadlines.popExpired(now: now) {
      (session.stream(id)?.delegate as? ServerStream)?.expire()
    }
    if let due = paceCheckAt, due <= now {
      paceCheckAt = nil
      checkPace()
    }
    driver.setNeedsFlush()
  }
}
