import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("Crowds of due machines")
struct TurnsTests {
  /// Namespaces "crowd" and "other" whose machines set a timer when they start; what else their
  /// processors are asked they work on, until they are told to end it.
  private final class Crowd {
    let world: World
    /// Machines whose timeouts were handed to a processor, in that order.
    private(set) var timeouts: [String] = []
    /// Calls of the crowd's processor at once, and loads in one turn.
    private(set) var mostOpen = 0
    private(set) var mostLoads = 0

    init(page: Int, residentBytes: Int = 256 << 20) {
      let limits = Limits(stepsInFlight: 3)
      world = World(
        ["crowd", "other"].map { .named($0, limits: limits, maxInFlight: 2) }
      ) {
        $0.lookAheadPage = page
        $0.residentBytes = residentBytes
      }
      world.processor.answers { call in
        if case .signal(.initialize) = call.stimulus { return .timer(after: .seconds(1)) }
        return nil
      }
      world.watch = { [unowned self] in note($0) }
    }

    private func note(_ effects: [Effect]) {
      var loads = 0
      for effect in effects {
        if case .load = effect { loads += 1 }
        if case .invoke(let call) = effect, call.stimulus == .signal(.timeout) {
          timeouts.append(call.machine.machineID.id)
        }
      }
      mostLoads = max(mostLoads, loads)
      let begun = effects.count {
        if case .invoke(let call) = $0 { Crowd.isOpen(call) } else { false }
      }
      mostOpen = max(mostOpen, world.processor.held.count(where: Crowd.isOpen) + begun)
    }

    private static func isOpen(_ call: Invocation) -> Bool {
      if case .signal(.initialize) = call.stimulus { return false }
      return call.machine.machineID.namespace == "crowd"
    }

    func start(_ ids: [String]) { for id in ids { world.start(id, in: "crowd") } }

    /// The processors end what they work on, one after the other, until nothing more comes.
    func finish(_ outcome: ProcessorOutcome = .ok) {
      while let call = world.nextCall() { world.answer(call, outcome) }
    }

    func statistics(_ name: String = "crowd") throws -> NamespaceStatistics {
      try #require(world.statistics().namespaces.first { $0.name == name })
    }
  }

  private static let machines = (0..<50).map { "m\($0)" }

  @Test(
    "All that is due runs once, no more at a time than the namespace's limits, from memory or not",
    arguments: [256 << 20, 0])
  func limits(residentBytes: Int) throws {
    let crowd = Crowd(page: 1_000, residentBytes: residentBytes)
    crowd.start(Self.machines)
    crowd.world.now += .seconds(2)
    #expect(try crowd.statistics().active == 3)
    #expect(try crowd.statistics().due == 47)
    crowd.finish()
    #expect(crowd.timeouts.sorted() == Self.machines.sorted())
    #expect(crowd.mostOpen == 2)
    #expect(crowd.mostLoads <= 3)
    let statistics = try crowd.statistics()
    #expect(statistics.active == 0 && statistics.due == 0 && !statistics.hasBacklog)
    #expect(statistics.counts.steps(.timeout, .committed) == 50)
  }

  @Test("More than memory holds is read again from the database, a part at a time")
  func backlog() throws {
    let crowd = Crowd(page: 4)
    crowd.start(Self.machines)
    crowd.world.now += .seconds(2)
    #expect(try crowd.statistics().due <= 8)
    #expect(try crowd.statistics().hasBacklog)
    crowd.finish()
    #expect(crowd.timeouts.sorted() == Self.machines.sorted())
    #expect(crowd.mostOpen == 2)
    #expect(try !crowd.statistics().hasBacklog)
  }

  @Test("A clock that is set back leaves nothing behind of what memory does not hold")
  func backlogAndClock() throws {
    let crowd = Crowd(page: 4)
    crowd.start(Self.machines)
    crowd.world.now += .seconds(2)
    #expect(try crowd.statistics().hasBacklog)
    let now = crowd.world.now
    crowd.world.now.wall = now.wall.advanced(byMicroseconds: -1_500_000)
    crowd.finish()
    for _ in 0..<20 {
      crowd.world.now += .seconds(1)
      crowd.finish()
    }
    #expect(crowd.timeouts.sorted() == Self.machines.sorted())
    #expect(try !crowd.statistics().hasBacklog)
  }

  @Test("A namespace whose processor answers nothing holds up no other namespace's timers")
  func neighbours() throws {
    let crowd = Crowd(page: 4)
    crowd.start(Self.machines)
    crowd.world.now += .seconds(2)
    crowd.world.start("late", in: "other")
    crowd.world.now += .seconds(2)
    #expect(crowd.timeouts.contains("late"))
    #expect(try crowd.statistics("other").due == 0)
  }

  @Test("What waited for an endpoint comes back at the rate of the limits")
  func outage() throws {
    let crowd = Crowd(page: 4)
    crowd.start(Self.machines)
    crowd.world.now += .seconds(2)
    crowd.finish(.unreachable(message: "down"))
    #expect(crowd.world.endpointsAwaited.count == 1)
    #expect(try crowd.statistics().active == 0)
    #expect(try crowd.statistics().parked > 2)
    let before = crowd.timeouts.count
    crowd.world.play([.endpointReady(NamespaceNumber(1))])
    #expect(crowd.world.processor.held.count == 2)
    crowd.finish()
    #expect(crowd.timeouts.count == before + 50)
    #expect(crowd.mostOpen == 2)
  }

  @Test("While the database takes nothing, nothing more is let in")
  func storageAway() throws {
    let crowd = Crowd(page: 1_000)
    crowd.start(Self.machines)
    crowd.world.database.isAway = true
    crowd.world.now += .seconds(2)
    crowd.finish()
    #expect(crowd.timeouts.count <= 3)
    crowd.world.database.isAway = false
    crowd.world.commits().forEach(crowd.world.commit)
    for _ in 0..<5 {
      crowd.finish()
      crowd.world.now += .seconds(1)
    }
    #expect(Set(crowd.timeouts) == Set(Self.machines))
    #expect(try crowd.statistics().due == 0)
  }
}
