import MachineModel
import ProgressorEngine
import TestThreads
import Testing

@testable import ProgressorSimulation

@Suite("Simulation: several cores", .serialized, .ownThreads)
struct CoreTests {
  /// A world in which nothing is out of the ordinary but its number of cores and its limit.
  private func world(cores: Int32, calls: Int32) -> World {
    var world = World.plain(nodes: 1, cores: cores)
    world.configuration.shards = 16
    world.identifiers = 40
    world.namespaces[0].namespace.processor.maxInFlight = calls
    return world
  }

  private func simulation(seed: UInt64 = 1, cores: Int32 = 3, calls: Int32) -> Simulation {
    Simulation(
      seed: seed, without: [], decisions: nil, world: world(cores: cores, calls: calls))
  }

  @Test("Three cores with one call between them do all their work", arguments: UInt64(1)...3)
  func oneCall(seed: UInt64) {
    let simulation = simulation(seed: seed, calls: 1)
    let report = simulation.run(inputs: 1_500)
    #expect(report.violation == nil)
    #expect(report.cores == 3)
    #expect(report.permitMessages > 50)
    let cores = Set(simulation.ledger.committed.map { simulation.ledger.invocations[$0].step.core })
    #expect(cores.count == 3)
  }

  /// Each core had one kind of permit when it lacked the other, and gave it back, for ever.
  @Test("Three cores with one step and one call between them do all their work")
  func oneStepAndOneCall() {
    for seed in UInt64(1)...5 {
      var world = world(cores: 3, calls: 1)
      world.namespaces[0].namespace.limits.stepsInFlight = 1
      let simulation = Simulation(seed: seed, without: [], decisions: nil, world: world)
      #expect(simulation.run(inputs: 1_000).violation == nil)
    }
  }

  @Test("A core with nothing beside it uses all permits", arguments: [Int32(1), 2, 5, 50])
  func loneCore(calls: Int32) {
    let simulation = simulation(calls: calls)
    #expect(simulation.run(inputs: 500).violation == nil)
    var running: [CoreNumber: Int32] = [:]
    for invocation in simulation.ledger.invocations
    where invocation.machine.id.hasPrefix("fresh") {
      running[invocation.step.core, default: 0] += 1
    }
    #expect(running.count == 3 && running.values.allSatisfy { $0 >= calls })
  }

  /// Whether the rule is broken when what one core says to another becomes something else.
  private func breaks(
    _ invariant: Invariant, _ fault: @escaping (PermitMessage) -> PermitMessage
  ) -> Bool {
    (UInt64(1)...5).contains { seed in
      let simulation = simulation(seed: seed, calls: 2)
      simulation.permitFault = fault
      return simulation.run(inputs: 1_000).violation?.invariant == invariant
    }
  }

  @Test("To lend what is not free is noticed (I10)")
  func lendsTooMany() {
    let isNoticed = breaks(.bounds) { message in
      var message = message
      if case .lent(let number) = message.content, number > 0 {
        message.content = .lent(number + 1)
      }
      return message
    }
    #expect(isNoticed)
  }

  @Test("A permit that is lost on its way back is noticed (I11)")
  func loses() {
    let isNoticed = breaks(.everythingFinishes) { message in
      var message = message
      if case .returned = message.content { message.content = .returned(0) }
      return message
    }
    #expect(isNoticed)
  }

  @Test("A core that is never asked for what it does not need is noticed (I11)")
  func recallsNothing() {
    let isNoticed = breaks(.everythingFinishes) { message in
      var message = message
      if case .recalled = message.content { message.content = .recalled(0) }
      return message
    }
    #expect(isNoticed)
  }

  @Test("Worlds with one core and with several are drawn, and the trace tells the cores")
  func drawn() {
    let cores = (UInt64(1)...60).map { seed in
      var random = RandomSource(seed: seed)
      return World(random: &random).cores
    }
    #expect(Set(cores) == [1, 2, 3])
    #expect((20...40).contains(cores.count { $0 == 1 }))
    for count in [Int32(1), 3] {
      let simulation = simulation(cores: count, calls: 1)
      simulation.record(to: nil)
      let lines = simulation.run(inputs: 300).lastLines
      #expect(lines.contains { $0.contains("node 0 core 2") } == (count == 3))
      #expect(lines.contains { $0.contains(" core ") } == (count == 3))
    }
  }

  @Test("What a node may hold is divided among its cores, rounded up")
  func division() {
    var world = world(cores: 3, calls: 1)
    world.configuration.maximumRequests = 100
    world.configuration.residentBytes = 0
    world.configuration.historyBytes = 3
    let parts = (0..<3).map { world.configuration(of: CoreNumber($0)) }
    #expect(parts.map(\.maximumRequests) == [34, 34, 34])
    #expect(parts.map(\.residentBytes) == [0, 0, 0])
    #expect(parts.map(\.historyBytes) == [1, 1, 1])
    #expect(parts.map(\.part.core.number) == [0, 1, 2])
  }
}
