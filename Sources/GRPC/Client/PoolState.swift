import NIOCore

/// Names a subchannel for as long as its channel lives.
struct SubchannelID: Sendable, Hashable {
  let number: Int
}

/// What the owner of a ``PoolState`` has to do. What comes of it is told with the same id.
enum PoolEffect: Sendable, Hashable {
  /// Connect to the address.
  case connect(SubchannelID, attempt: Int, SocketAddress)
  /// Cut the attempt that is under way: it failed, for this reason.
  case giveUp(SubchannelID, reason: String)
  /// Let the connection end its calls and close; cut an attempt that is under way. Forget the
  /// subchannel then, if its address is gone.
  case release(SubchannelID, isGone: Bool)
  /// Look the name up.
  case lookUp(Int)
  /// Tell of an outage.
  case outage(ChannelOutage)
}

/// A channel without its sockets, clock and chance: what happened, the time and a random number go
/// in; effects come out of ``takeEffects()``. What it waits for, and until when, is computed from
/// what it is (``nextDeadline``), so that nothing that happens can make it forget to go on.
struct PoolState<Call: PooledCall> {
  /// One place for a connection to one address.
  struct Slot {
    let id: SubchannelID
    let address: SocketAddress
    var state: SubchannelState
    /// Whether the name does not stand for the address any more. A connection that works is used
    /// until one to another address does.
    var isLeaving = false
  }

  /// A time in which calls wait for a connection.
  private struct Outage {
    let since: NIODeadline
    var isTold = false
    var mostWaiting = 0
  }

  private let configuration: ChannelConfiguration
  private(set) var slots: [Slot] = []
  private var lastSlot = 0
  /// Nil for a target that needs no look-up.
  private var resolution: ResolutionState?
  /// Whether the target can never be connected to.
  private var isInvalid = false
  /// The calls that wait. Whoever changes them calls ``advance(now:random:)`` if that may shorten a
  /// wait.
  var calls: WaitingCalls<Call>
  /// Whether connections are wanted.
  private(set) var isAwake = false
  private(set) var isClosed = false
  private(set) var openCalls = 0
  /// How many wait to be told that a connection is ready.
  private(set) var waiters = 0
  private var lastUse = NIODeadline.uptimeNanoseconds(0)
  /// Why the last connection failed or ended, for people.
  private(set) var lastFailure = "not connected yet"
  private var outage: Outage?
  private var effects: [PoolEffect] = []

  init(target: ChannelTarget, configuration: ChannelConfiguration) {
    self.configuration = configuration
    calls = WaitingCalls(limit: configuration.maximumQueuedCalls)
    do {
      if let address = try target.literalAddress() {
        use([address], random: 0)
      } else {
        resolution = ResolutionState(configuration)
      }
    } catch {
      isInvalid = true
      lastFailure = "\(target) is no valid address: \(error)"
    }
  }

  // MARK: What is

  /// The state to show.
  var connectivity: Connectivity {
    if isClosed { return .shutdown }
    if !isAwake { return .idle }
    if slots.contains(where: \.state.isReady) { return .ready }
    if slots.isEmpty {
      return isInvalid || resolution?.hasFailed == true ? .transientFailure : .connecting
    }
    return Connectivity.aggregate(
      slots.lazy.filter { !$0.isLeaving }.map(\.state.connectivity))
  }

  /// The subchannels whose connections take calls.
  var usable: [SubchannelID] {
    let ready = slots.filter(\.state.isReady)
    let staying = ready.filter { !$0.isLeaving }
    return (staying.isEmpty ? ready : staying).map(\.id)
  }

  /// When ``advance(now:random:)`` has something to do; nil when nothing is pending.
  var nextDeadline: NIODeadline? {
    var next = calls.nextDeadline
    func consider(_ time: NIODeadline?) { next = .earliest(next, time) }
    guard isAwake else { return next }
    for slot in slots { consider(slot.state.nextDeadline(probing: probing)) }
    consider(resolution?.nextDeadline(need))
    consider(idleDeadline)
    if outage?.isTold == true {
      for slot in slots { consider(slot.state.provenTime) }
    }
    return next
  }

  private var probing: TimeAmount? { calls.isEmpty ? nil : configuration.probeInterval }

  private var idleDeadline: NIODeadline? {
    guard isAwake, openCalls == 0, waiters == 0 else { return nil }
    return configuration.idleTimeout.map { lastUse + $0 }
  }

  private var need: ResolutionState.Need {
    guard isAwake else { return .none }
    let staying = slots.lazy.filter { !$0.isLeaving }
    let ready = staying.count { $0.state.isReady }
    // A peer that refuses calls may be another's: names are moved, and addresses given out again.
    if ready == 0 || !calls.pausing.isEmpty { return .searching }
    return ready == staying.count ? .settled : .partial
  }

  mutating func takeEffects() -> [PoolEffect] {
    defer { effects = [] }
    return effects
  }

  // MARK: What callers do

  /// A call arrived. Whoever tells so sees to it that the channel is awake.
  mutating func callBegan() {
    openCalls += 1
  }

  /// A call ended, as it knows itself already.
  mutating func callEnded(_ call: Call, now: NIODeadline) {
    calls.finished(call)
    openCalls -= 1
    if openCalls == 0 { lastUse = now }
  }

  /// Somebody wants to know when a connection is ready.
  mutating func waiterArrived(now: NIODeadline, random: Double) {
    waiters += 1
    wake(now: now, random: random)
  }

  /// All who wanted to know were told.
  mutating func waitersWereTold(now: NIODeadline) {
    waiters = 0
    lastUse = now
  }

  /// Connections are wanted.
  mutating func wake(now: NIODeadline, random: Double) {
    guard !isAwake, !isClosed else { return }
    isAwake = true
    lastUse = now
    advance(now: now, random: random)
  }

  /// The end: nothing is connected any more.
  mutating func close() {
    guard !isClosed else { return }
    isClosed = true
    isAwake = false
    waiters = 0
    effects += slots.map { .release($0.id, isGone: true) }
    slots = []
    abandonOutage()
  }

  // MARK: What connections and look-ups tell

  /// An attempt brought a connection that takes calls.
  mutating func connected(
    _ id: SubchannelID, _ attempt: Int, now: NIODeadline, random: Double
  ) {
    guard let index = index(of: id), slots[index].state.connected(attempt, now: now) else { return }
    advance(now: now, random: random)
  }

  /// A connection brought its first answer to a call.
  mutating func proved(_ id: SubchannelID, _ attempt: Int, now: NIODeadline, random: Double) {
    guard let index = index(of: id) else { return }
    slots[index].state.proved(attempt)
    advance(now: now, random: random)
  }

  /// An attempt failed, or its connection takes no more calls.
  ///
  /// - Parameter isRenewal: whether we ended it, so that another takes its place.
  mutating func ended(
    _ id: SubchannelID, _ attempt: Int, _ reason: String, isRenewal: Bool = false,
    now: NIODeadline, random: Double
  ) {
    guard let index = index(of: id),
      slots[index].state.ended(attempt, isRenewal: isRenewal, now: now, random: random)
    else { return }
    if !isRenewal { lastFailure = "\(reason) (\(slots[index].address))" }
    advance(now: now, random: random)
  }

  /// A look-up found addresses.
  mutating func resolved(
    _ lookUp: Int, _ addresses: [SocketAddress], now: NIODeadline, random: Double
  ) {
    let isNews = resolution?.answered(lookUp, isFailure: false, now: now, random: random) ?? false
    if isNews, !isClosed { use(addresses, random: random) }
    advance(now: now, random: random)
  }

  /// A look-up found nothing.
  mutating func resolutionFailed(
    _ lookUp: Int, _ reason: String, now: NIODeadline, random: Double
  ) {
    let isNews = resolution?.answered(lookUp, isFailure: true, now: now, random: random) ?? false
    if isNews, slots.isEmpty { lastFailure = reason }
    advance(now: now, random: random)
  }

  private func index(of id: SubchannelID) -> Int? { slots.firstIndex { $0.id == id } }

  private mutating func use(_ addresses: [SocketAddress], random: Double) {
    let hopeful = slots.lazy.filter { $0.state.connectivity != .transientFailure }
    let change = AddressSet.change(
      from: slots.map(\.address), hopeful: Set(hopeful.map(\.address)), to: addresses,
      connections: configuration.connections, random: random)
    for index in slots.indices { slots[index].isLeaving = false }
    for index in change.removed { slots[index].isLeaving = true }
    for address in change.added {
      lastSlot += 1
      let state = SubchannelState(
        configuration.backoff, connectTimeout: configuration.connectTimeout)
      slots.append(Slot(id: SubchannelID(number: lastSlot), address: address, state: state))
    }
  }
}

// MARK: - Time

extension PoolState {
  /// Does what is due, and what has become possible.
  mutating func advance(now: NIODeadline, random: Double) {
    calls.endPause(now: now)
    guard isAwake else { return }
    if let idleDeadline, idleDeadline <= now { return sleep() }
    connect(now: now, random: random)
    letGo()
    let need = need
    if let id = resolution?.advance(need, now: now, random: random) {
      effects.append(.lookUp(id))
    }
    if slots.isEmpty, resolution?.isOverdue == true { lastFailure = "the look-up does not end" }
    watchOutage(now: now)
  }

  private mutating func sleep() {
    isAwake = false
    abandonOutage()
    for index in slots.indices {
      slots[index].state.becomeIdle()
      effects.append(.release(slots[index].id, isGone: slots[index].isLeaving))
    }
    slots.removeAll(where: \.isLeaving)
  }

  private mutating func connect(now: NIODeadline, random: Double) {
    let milliseconds = configuration.connectTimeout.nanoseconds / 1_000_000
    for index in slots.indices {
      let slot = slots[index]
      if slots[index].state.giveUp(now: now, random: random) {
        let reason = "no HTTP/2 connection within \(milliseconds) ms"
        lastFailure = "\(reason) (\(slot.address))"
        effects.append(.giveUp(slot.id, reason: reason))
      }
      guard !slot.isLeaving else { continue }
      if let attempt = slots[index].state.connect(now: now, probing: probing) {
        effects.append(.connect(slot.id, attempt: attempt, slot.address))
      }
    }
  }

  /// Gives up the addresses that are gone, unless they are all that works.
  private mutating func letGo() {
    guard slots.contains(where: \.isLeaving) else { return }
    let hasOthers = slots.contains { !$0.isLeaving && $0.state.isReady }
    let gone = slots.filter { $0.isLeaving && (hasOthers || !$0.state.isReady) }.map(\.id)
    slots.removeAll { gone.contains($0.id) }
    effects += gone.map { .release($0, isGone: true) }
  }

  private mutating func watchOutage(now: NIODeadline) {
    let state = connectivity
    guard state != .ready else { return concludeOutage(now: now) }
    var outage = outage ?? Outage(since: now)
    outage.mostWaiting = max(outage.mostWaiting, calls.count + waiters)
    if state == .transientFailure, !outage.isTold {
      outage.isTold = true
      effects.append(
        .outage(
          .began(since: outage.since, reason: lastFailure, waiting: outage.mostWaiting)))
    }
    self.outage = outage
  }

  /// An outage that was told of ends with a connection that works, not with a peer that greets and
  /// hangs up.
  private mutating func concludeOutage(now: NIODeadline) {
    guard let outage else { return }
    if outage.isTold {
      let isOver = slots.contains { $0.state.provenTime.map { $0 <= now } ?? false }
      guard isOver else { return }
      effects.append(
        .outage(.ended(since: outage.since, now: now, waited: outage.mostWaiting)))
    }
    self.outage = nil
  }

  private mutating func abandonOutage() {
    if outage?.isTold == true { effects.append(.outage(.abandoned)) }
    outage = nil
  }
}
