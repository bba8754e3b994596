import NIOCore

@testable import GRPC

/// What happens in the simulated world, and the shell around the state.
extension PoolSimulation {
  mutating func perform(_ event: Event) {
    switch event {
    case .call: callArrives()
    case .mischief: mischief()
    case .attemptEnds(let id, let attempt, let host): attemptEnds(id, attempt, host)
    case .answer(let call, let connection): answer(call, on: connection)
    case .pong(let connection):
      if !connection.isGone { connection.keepalive.received(now: now) }
      drain()
    case .lookedUp(let number, let hosts): lookedUp(number, hosts)
    }
  }

  // MARK: Calls

  private mutating func callArrives() {
    // Pauses that are long enough to become idle are among the gaps.
    let gap = Int64(random.chance(0.05) ? 9_000 : random.below(600))
    schedule(.call, in: isQuiet ? quietGap : .milliseconds(gap))
    let patience = Int64(isQuiet ? 30_000 : 200 + random.below(15_000))
    let call = SimulatedCall(
      waitsForReady: isQuiet || random.chance(0.7), arrived: now,
      expiry: now + .milliseconds(patience))
    open[ObjectIdentifier(call)] = call
    state.callBegan()
    if !state.isAwake {
      state.wake(now: now, random: random.fraction())
      settle()
    }
    if state.calls.isEmpty, let connection = nextConnection() { return submit(call, connection) }
    if state.connectivity == .transientFailure, !call.waitsForReady { return finish(call) }
    guard state.calls.append(call) else { return finish(call) }
    state.calls.watch(call, until: call.expiry)
    state.advance(now: now, random: random.fraction())
    settle()
  }

  private mutating func nextConnection() -> SimulatedConnection? {
    let usable = state.usable.compactMap { connections[$0] }
    let index = turn.pick(count: usable.count) {
      usable[$0].calls.count < 20 && !usable[$0].keepalive.isAsking
    }
    return index.map { usable[$0] }
  }

  private mutating func submit(_ call: SimulatedCall, _ connection: SimulatedConnection) {
    if isQuiet {
      longestWait = max(longestWait, now - max(call.arrived, begin + Self.badTime))
    }
    call.connection = connection
    connection.calls.append(call)
    connection.keepalive.callBegan(now: now)
    state.calls.watch(call, until: min(call.expiry, now + .seconds(6)))
    schedule(.answer(call, connection), in: .milliseconds(Int64(1 + random.below(200))))
  }

  private mutating func answer(_ call: SimulatedCall, on connection: SimulatedConnection) {
    guard !connection.isGone, !call.isFinished, call.connection === connection else { return }
    switch behaviours[connection.host] {
    case .isUnreachable, .isFrozen: return
    case .refusesCalls:
      connection.keepalive.received(now: now)
      leave(call)
      guard call.hasRepeated else {
        call.hasRepeated = true
        state.calls.watch(call, until: call.expiry)
        state.calls.putBack(call)
        return drain()
      }
      guard call.waitsForReady else { return finish(call) }
      state.calls.watch(call, until: call.expiry)
      state.calls.pause(call, now: now, random: random.fraction())
    case .answers, .refusesConnections, .greetsAndHangsUp:
      connection.keepalive.received(now: now)
      connection.keepalive.receivedAnswer()
      leave(call)
      if isQuiet { served += 1 }
      finish(call)
      if !connection.isProven {
        connection.isProven = true
        state.proved(connection.subchannel, connection.attempt, now: now, random: random.fraction())
        settle()
      }
      drain()
    }
  }

  private func leave(_ call: SimulatedCall) {
    guard let connection = call.connection else { return }
    connection.calls.removeAll { $0 === call }
    connection.keepalive.callEnded()
    call.connection = nil
  }

  private mutating func finish(_ call: SimulatedCall) {
    if call.isFinished { return violate("a call ends twice") }
    leave(call)
    call.isFinished = true
    open[ObjectIdentifier(call)] = nil
    state.callEnded(call, now: now)
  }

  mutating func expireCalls() {
    while let call = state.calls.popDue(now: now) {
      if let connection = call.connection {
        // The attempts of this world begin when the call is sent; what matters is the silence.
        if connection.keepalive.callTimedOut(begin: call.arrived, now: now) == .ping {
          pong(connection)
        }
      }
      finish(call)
    }
  }

  mutating func drain() {
    while !state.calls.isEmpty, let connection = nextConnection(),
      let call = state.calls.popFirst()
    {
      submit(call, connection)
    }
  }

  // MARK: Connections

  /// An outage that is told of has one end.
  private mutating func hear(_ outage: ChannelOutage) {
    switch outage {
    case .began(let since, _, _):
      if isMissed || since > now { violate("an outage begins twice, or later than it is told") }
      isMissed = true
    case .ended(let since, let end, _):
      if !isMissed || since > end || end > now { violate("an outage ends that did not begin") }
      isMissed = false
    case .abandoned:
      if !isMissed || state.isAwake { violate("an outage is abandoned that goes on") }
      isMissed = false
    }
  }

  /// Performs the effects, as a pool does.
  mutating func settle() {
    for effect in state.takeEffects() {
      switch effect {
      case .connect(let id, let attempt, let address): connect(id, attempt, Self.host(address))
      case .giveUp(let id, _):
        if attempts.removeValue(forKey: id) == nil { violate("gives up what is not there") }
      case .release(let id, _):
        attempts[id] = nil
        if let connection = connections.removeValue(forKey: id) { retire(connection) }
      case .lookUp(let number): lookUp(number)
      case .outage(let outage): hear(outage)
      }
    }
    drain()
    if state.connectivity == .transientFailure {
      for call in state.calls.removeImpatient() { finish(call) }
    }
  }

  private mutating func connect(_ id: SubchannelID, _ attempt: Int, _ host: Int) {
    if attempts[id] != nil || connections[id] != nil { violate("connects twice at once") }
    attempts[id] = attempt
    attemptEnds[id] = now + configuration.connectTimeout
    switch behaviours[host] {
    case .isUnreachable, .isFrozen: return
    case .answers, .refusesConnections, .refusesCalls, .greetsAndHangsUp:
      let time = Int64(1 + random.below(50))
      schedule(.attemptEnds(id, attempt, host: host), in: .milliseconds(time))
    }
  }

  private mutating func attemptEnds(_ id: SubchannelID, _ attempt: Int, _ host: Int) {
    // Whatever becomes of an attempt that was given up is no news, and must not be taken for such.
    if attempts[id] == attempt { attempts[id] = nil }
    let isUp = [.answers, .refusesCalls, .greetsAndHangsUp].contains(behaviours[host])
    guard isUp else {
      state.ended(id, attempt, "refused", now: now, random: random.fraction())
      return settle()
    }
    let wasReady = state.usable.contains(id)
    state.connected(id, attempt, now: now, random: random.fraction())
    if state.usable.contains(id), !wasReady || connections[id] == nil {
      let connection = SimulatedConnection(id, attempt, host: host, now: now)
      connections[id] = connection
      settle()
      if behaviours[host] == .greetsAndHangsUp { lose(connection) }
    } else {
      settle()
    }
  }

  /// The connection takes no more calls; those that are open go on.
  private mutating func retire(_ connection: SimulatedConnection) {
    connection.isRetired = true
    retired.append(connection)
    retired.removeAll { $0.isGone || $0.calls.isEmpty }
  }

  /// The connection is gone. What was sent is lost.
  mutating func lose(_ connection: SimulatedConnection) {
    connection.isGone = true
    for call in connection.calls { finish(call) }
    endUse(of: connection)
  }

  /// Another connection takes the place of one without calls.
  private mutating func renew(_ connection: SimulatedConnection) {
    if !connection.calls.isEmpty { violate("is renewed during calls") }
    connection.isGone = true
    endUse(of: connection, isRenewal: true)
  }

  private mutating func endUse(of connection: SimulatedConnection, isRenewal: Bool = false) {
    guard connections[connection.subchannel] === connection else { return }
    connections[connection.subchannel] = nil
    state.ended(
      connection.subchannel, connection.attempt, "lost", isRenewal: isRenewal, now: now,
      random: random.fraction())
    settle()
  }

  /// The peer takes no more calls, and has not seen the last.
  private mutating func goAway(_ connection: SimulatedConnection) {
    if let call = connection.calls.first {
      leave(call)
      state.calls.watch(call, until: call.expiry)
      state.calls.putBack(call)
    }
    retired.append(connection)
    endUse(of: connection)
    drain()
  }

  mutating func ping(_ connection: SimulatedConnection) {
    switch connection.keepalive.timeCame(now: now) {
    case .none: break
    case .ping: pong(connection)
    case .renew: violate("is renewed without being suspected")
    case .close:
      for other in inUse where other !== connection && other.host == connection.host {
        switch other.keepalive.suspect(now: now) {
        case .ping: pong(other)
        case .renew: renew(other)
        case .none, .close: break
        }
      }
      lose(connection)
    }
  }

  private mutating func pong(_ connection: SimulatedConnection) {
    if [.isUnreachable, .isFrozen].contains(behaviours[connection.host]) { return }
    schedule(.pong(connection), in: .milliseconds(5))
  }

  // MARK: Look-ups

  private mutating func lookUp(_ number: Int) {
    openLookUps += 1
    var time = Int64(1 + random.below(50))
    var answer: [Int]? = name
    if !isQuiet {
      // Never beyond the quiet time: what hangs for ever has a test of its own.
      if random.chance(0.2) { time = Int64(random.below(4_000)) }
      if random.chance(0.2) { answer = nil }
      if random.chance(0.1) { answer = [random.below(Self.hosts)] }
    }
    schedule(.lookedUp(number, answer), in: .milliseconds(time))
  }

  private mutating func lookedUp(_ number: Int, _ hosts: [Int]?) {
    openLookUps -= 1
    if let addresses = try? hosts?.map(Self.address) {
      state.resolved(number, addresses, now: now, random: random.fraction())
    } else {
      state.resolutionFailed(number, "no such host", now: now, random: random.fraction())
    }
    settle()
  }

  // MARK: Mischief

  private mutating func mischief() {
    if isQuiet {
      // From here on the world is as it should be.
      let needed = isName ? name : [0]
      for host in needed { behaviours[host] = .answers }
      return
    }
    let next = min(
      TimeAmount.milliseconds(Int64(random.below(4_000))), begin + Self.badTime - now)
    schedule(.mischief, in: next)
    switch random.below(6) {
    case 0:
      name = (0..<Self.hosts).filter { _ in random.chance(0.4) }
      if name.isEmpty { name = [random.below(Self.hosts)] }
    case 1, 2, 3:
      let all = Behaviour.allCases
      let (host, behaviour) = (random.below(Self.hosts), all[random.below(all.count)])
      behaviours[host] = behaviour
      guard behaviour == .refusesConnections else { return }
      for connection in inUse where connection.host == host { lose(connection) }
    default:
      guard let connection = inUse.first else { return }
      if random.chance(0.5) { lose(connection) } else { goAway(connection) }
    }
  }
}
