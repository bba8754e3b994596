import NIOCore
import Testing

@testable import GRPC

@Suite struct PoolSimulationTests {
  /// As processors have it.
  private var configuration: ChannelConfiguration {
    var configuration = ChannelConfiguration()
    configuration.connectTimeout = .seconds(5)
    configuration.backoff = BackoffPolicy(initial: .milliseconds(50), maximum: .seconds(2))
    configuration.probeInterval = .seconds(1)
    configuration.idleTimeout = .seconds(7)
    return configuration
  }

  private func run(
    _ seeds: Range<UInt64>, _ configuration: ChannelConfiguration, isName: Bool = true
  ) throws -> [String] {
    try seeds.flatMap { seed in
      var simulation = try PoolSimulation(
        seed: seed, configuration: configuration, isName: isName)
      simulation.run()
      return simulation.violations.map { "seed \(seed), \($0)" }
    }
  }

  @Test(
    "Whatever happened before, once the endpoint is up every call gets through",
    arguments: 0..<8 as Range<UInt64>)
  func names(block: UInt64) throws {
    let violations = try run(block * 25..<block * 25 + 25, configuration)
    #expect(violations == [])
  }

  @Test("So it is with many connections, without a name, and with waits that calls do not shorten")
  func variants() throws {
    var several = configuration
    several.connections = 5
    #expect(try run(1_000..<1_030, several) == [])
    #expect(try run(1_050..<1_080, configuration, isName: false) == [])
    var patient = configuration
    patient.probeInterval = nil
    patient.idleTimeout = nil
    #expect(try run(1_100..<1_130, patient) == [])
  }

  @Test(
    "Whoever was told of an outage is told when the channel will not see its end",
    arguments: [true, false])
  func abandonedOutage(isClosed: Bool) throws {
    var state = PoolState<SimulatedCall>(
      target: try ChannelTarget("10.0.0.1:80"), configuration: configuration)
    var now = NIODeadline.uptimeNanoseconds(0)
    var told: [ChannelOutage] = []
    state.wake(now: now, random: 0)
    while state.isAwake {
      for effect in state.takeEffects() {
        if case .outage(let outage) = effect { told.append(outage) }
        if case .connect(let id, let attempt, _) = effect {
          state.ended(id, attempt, "refused", now: now, random: 0)
        }
      }
      if isClosed, !told.isEmpty { state.close() }
      guard let next = state.nextDeadline else { break }
      now = max(now, next)
      state.advance(now: now, random: 0)
    }
    for case .outage(let outage) in state.takeEffects() { told.append(outage) }
    let reason = "refused ([IPv4]10.0.0.1:80)"
    let begin = NIODeadline.uptimeNanoseconds(0)
    #expect(told == [.began(since: begin, reason: reason, waiting: 0), .abandoned])
  }

  @Test("A channel whose name has more addresses than it uses finds the one that works")
  func crowd() throws {
    let all = try (1...200).map { try SocketAddress(ipAddress: "127.0.0.1", port: $0) }
    let working = all[150]
    // Nobody calls, so that it would become idle while it looks.
    var patient = configuration
    patient.idleTimeout = nil
    var state = PoolState<SimulatedCall>(
      target: try ChannelTarget("name:1"), configuration: patient)
    var (now, lookUps) = (NIODeadline.uptimeNanoseconds(0), 0)
    var chance = 0.0
    func draw() -> Double {
      chance = (chance + 0.618_034).truncatingRemainder(dividingBy: 1)
      return chance
    }
    state.wake(now: now, random: 0)
    while state.connectivity != .ready, lookUps < 1_000 {
      for effect in state.takeEffects() {
        let random = draw()
        switch effect {
        case .lookUp(let id):
          lookUps += 1
          state.resolved(id, all, now: now, random: random)
        case .connect(let id, let attempt, let address):
          if address == working {
            state.connected(id, attempt, now: now, random: random)
          } else {
            state.ended(id, attempt, "refused", now: now, random: random)
          }
        default: break
        }
        #expect(state.slots.count <= 64)
      }
      guard let next = state.nextDeadline else { break }
      now = max(now, next)
      state.advance(now: now, random: draw())
    }
    #expect(state.connectivity == .ready)
  }
}
