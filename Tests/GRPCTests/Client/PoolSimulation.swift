import MachineModel
import NIOCore

@testable import GRPC

/// A call in the simulation.
final class SimulatedCall: PooledCall {
  var deadline = NIODeadline.distantFuture
  var heapIndex: Int?
  var isQueued = false
  var isFinished = false
  let waitsForReady: Bool
  let arrived: NIODeadline
  let expiry: NIODeadline
  /// The connection that carries it; nil while it waits.
  var connection: SimulatedConnection?
  var hasRepeated = false

  init(waitsForReady: Bool, arrived: NIODeadline, expiry: NIODeadline) {
    self.waitsForReady = waitsForReady
    self.arrived = arrived
    self.expiry = expiry
  }
}

/// A connection in the simulation, whose PINGs are those of ``KeepaliveState``.
final class SimulatedConnection {
  let subchannel: SubchannelID
  let attempt: Int
  let host: Int
  var keepalive: KeepaliveState
  var calls: [SimulatedCall] = []
  var isProven = false
  var isRetired = false
  var isGone = false

  init(_ subchannel: SubchannelID, _ attempt: Int, host: Int, now: NIODeadline) {
    self.subchannel = subchannel
    self.attempt = attempt
    self.host = host
    keepalive = KeepaliveState(KeepalivePolicy(), LivenessPolicy(), now: now)
  }
}

/// A channel's state in a world of virtual time: hosts that come and go, freeze and refuse, a name
/// that moves, look-ups that are late, wrong or lost; with what has to hold at every moment, and a
/// quiet end in which every call has to get through.
struct PoolSimulation {
  /// What a host does.
  enum Behaviour: CaseIterable {
    case answers
    case refusesConnections
    /// Nothing comes back at all.
    case isUnreachable
    /// TCP connects, nothing is ever read.
    case isFrozen
    case refusesCalls
    case greetsAndHangsUp
  }

  enum Event {
    case call
    case attemptEnds(SubchannelID, Int, host: Int)
    case answer(SimulatedCall, SimulatedConnection)
    case pong(SimulatedConnection)
    case lookedUp(Int, [Int]?)
    case mischief
  }

  static let hosts = 4
  /// How long the world is bad, and how long it is good after that.
  static let badTime = TimeAmount.seconds(25)
  static let quietTime = TimeAmount.seconds(40)

  var random: SeededRandom
  let configuration: ChannelConfiguration
  let isName: Bool
  var state: PoolState<SimulatedCall>
  var now = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
  let begin: NIODeadline
  /// How far calls are apart in quiet: when it is long, nothing but its own timer keeps the state
  /// going.
  let quietGap: TimeAmount
  var agenda: [(at: NIODeadline, event: Event)] = []
  var behaviours = [Behaviour](repeating: .answers, count: hosts)
  /// What the name stands for.
  var name: [Int] = [0]
  var attempts: [SubchannelID: Int] = [:]
  /// When they have to be given up.
  var attemptEnds: [SubchannelID: NIODeadline] = [:]
  var connections: [SubchannelID: SimulatedConnection] = [:]
  var retired: [SimulatedConnection] = []
  var openLookUps = 0
  /// An outage was told of whose end was not.
  var isMissed = false
  var open: [ObjectIdentifier: SimulatedCall] = [:]
  var turn = RoundRobin()
  var violations: [String] = []
  var served = 0
  /// The longest wait of a call for a connection that was sent, or given up, in quiet.
  var longestWait = TimeAmount.zero

  init(seed: UInt64, configuration: ChannelConfiguration, isName: Bool = true) throws {
    random = SeededRandom(seed: seed)
    self.configuration = configuration
    self.isName = isName
    begin = now
    quietGap = random.chance(0.4) ? .seconds(11) : .milliseconds(300)
    state = PoolState(
      target: try ChannelTarget(isName ? "service.test:80" : "10.0.0.1:80"),
      configuration: configuration)
    schedule(.call, in: .zero)
    schedule(.mischief, in: .milliseconds(Int64(random.below(2_000))))
  }

  static func address(_ host: Int) throws -> SocketAddress {
    try SocketAddress(ipAddress: "10.0.0.\(host + 1)", port: 80)
  }

  static func host(_ address: SocketAddress) -> Int {
    Int(address.ipAddress?.split(separator: ".").last ?? "1").map { $0 - 1 } ?? 0
  }

  /// In an order that is the same in every run.
  var inUse: [SimulatedConnection] {
    connections.values.sorted { $0.subchannel.number < $1.subchannel.number }
  }

  var isQuiet: Bool { now >= begin + Self.badTime }

  // MARK: Time

  mutating func schedule(_ event: Event, in time: TimeAmount) {
    let at = now + time
    agenda.insert((at, event), at: agenda.firstIndex { $0.at > at } ?? agenda.endIndex)
  }

  /// Runs to the end.
  mutating func run() {
    let end = begin + Self.badTime + Self.quietTime
    while now < end, violations.isEmpty {
      let keepalive = nextPing
      let times = [agenda.first?.at, state.nextDeadline, keepalive?.0].compactMap { $0 }
      guard let next = times.min() else { break }
      now = max(now, next)
      for id in attempts.keys where attemptEnds[id].map({ $0 < now }) ?? false {
        violate("an attempt goes on for longer than it may")
      }
      if let wakeUp = state.nextDeadline, wakeUp <= now {
        expireCalls()
        state.advance(now: now, random: random.fraction())
        settle()
        if let again = state.nextDeadline, again <= now { violate("wakes up again and again") }
      } else if let (time, connection) = keepalive, time <= now {
        ping(connection)
      } else if let (at, event) = agenda.first, at <= now {
        agenda.removeFirst()
        perform(event)
      }
      check()
    }
    if served == 0, violations.isEmpty { violate("no call was served") }
  }

  private var nextPing: (NIODeadline, SimulatedConnection)? {
    var next: (time: NIODeadline, connection: SimulatedConnection)?
    func consider(_ connection: SimulatedConnection) {
      guard !connection.isGone, let time = connection.keepalive.nextDeadline else { return }
      if let next, (next.time, next.connection.attempt) <= (time, connection.attempt) { return }
      next = (time, connection)
    }
    for connection in connections.values { consider(connection) }
    for connection in retired { consider(connection) }
    return next
  }

  mutating func violate(_ text: String) {
    violations.append("\((now - begin).nanoseconds / 1_000_000) ms: \(text)")
  }

  /// What holds at every moment.
  private mutating func check() {
    if state.isAwake, state.usable.isEmpty, state.nextDeadline == nil {
      violate("no connection, and nothing is planned")
    }
    if !state.calls.isEmpty, !state.isAwake { violate("calls wait, and it sleeps") }
    if isMissed, !state.isAwake { violate("an outage goes on of which nobody wants the end") }
    if openLookUps > 6 { violate("\(openLookUps) look-ups at once") }
    for call in open.values where call.expiry + .milliseconds(1) < now {
      violate("a call outlives its deadline")
    }
    guard isQuiet else { return }
    let bound = configuration.probeInterval == nil ? TimeAmount.seconds(12) : .seconds(8)
    let quiet = begin + Self.badTime
    for call in open.values where call.connection == nil && now - max(call.arrived, quiet) > bound {
      violate("a call waits for longer than \(bound.nanoseconds / 1_000_000_000) s")
    }
  }
}

extension SeededRandom {
  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(bound, 1))) }

  mutating func chance(_ part: Double) -> Bool { fraction() < part }
}
