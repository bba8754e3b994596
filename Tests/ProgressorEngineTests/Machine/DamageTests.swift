import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("Damaged machines")
struct DamageTests {
  private static let id = MachineID(namespace: "n", id: "m")

  /// A machine "m" that is due in a second, and not in memory.
  private func world() -> World {
    let world = World { $0.residentBytes = 0 }
    world.processor.answers(.timer(after: .seconds(1)))
    world.start("m")
    world.processor.answers(.ok)
    #expect(world.statistics().machines == 0 && world.statistics().timers == 1)
    world.database.holdsLoads = true
    world.database.holdsCommits = true
    return world
  }

  /// The load finds that the machine is damaged.
  private func damaged(_ load: LoadRequest, _ world: World) -> Input {
    .loaded(load.id, .success(Loaded(row: world.database.rows[Self.id], damage: "x")))
  }

  @Test("One that became due while a Get read it is looked at again, and fails")
  func wakeDuringRead() {
    let world = world()
    let get = world.get("m")
    let loads = world.loads()
    #expect(loads.count == 1)
    world.now += .milliseconds(1_100)
    #expect(world.database.heldLoads.isEmpty)
    world.play(loads.map { damaged($0, world) })
    #expect(world.replies[get]?.error?.reason == .dataDamaged)
    #expect(world.statistics().timers == 1)
    world.now += .seconds(1)
    world.play(world.loads().map { damaged($0, world) })
    world.play(world.loads().map { damaged($0, world) })
    let records = world.commits().flatMap(\.records)
    guard case .condemn(let failure, _)? = records.first?.row else {
      Issue.record("it does not fail")
      return
    }
    #expect(failure.stepKind == .timeout)
  }

  @Test("A Notify does not wait in vain behind a timeout that could not go on")
  func notify() {
    let world = world()
    world.now += .milliseconds(1_100)
    world.play(world.loads().map { damaged($0, world) })
    // The timeout's step reads the machine, and meanwhile its rows are taken away.
    let step = world.loads()
    #expect(step.count == 1)
    let notify = world.notify("m")
    world.play(world.loads().map { .loaded($0.id, .success(Loaded())) })
    #expect(world.replies[notify] == nil)
    world.play(step.map { .loaded($0.id, .failure(.unavailable)) })
    #expect(world.replies[notify]?.error?.reason == .machineNotFound)
    #expect(world.statistics().requests == 0 && world.statistics().machines == 0)
  }

  @Test("One whose failure conflicts with what is there is tried more and more seldom")
  func backOff() {
    let world = world()
    // In ten minutes, two for each try.
    let reads = readsInTenMinutes(world, refusing: .conflict)
    #expect(reads >= 20 && reads <= 50, "\(reads)")
    // Once it can be read again it runs.
    world.release()
    world.now += .seconds(120)
    #expect(world.database.rows[Self.id]?.timer == nil)
  }

  @Test(
    "One whose failure cannot be written is not read anew: the failure is kept until it can be",
    arguments: [CommitRefusal.Fault.contents, .overdue])
  func keptFailure(fault: CommitRefusal.Fault) {
    let world = world()
    let reads = readsInTenMinutes(world, refusing: fault)
    #expect(reads <= 4, "\(reads)")
    world.release()
    world.now += .seconds(120)
    #expect(world.database.rows[Self.id]?.failure != nil)
  }

  /// How often a machine is read that nobody can read, and whose failure is refused.
  private func readsInTenMinutes(_ world: World, refusing fault: CommitRefusal.Fault) -> Int {
    var reads = 0
    for _ in 0..<1_200 {
      world.now += .milliseconds(500)
      while !world.database.heldLoads.isEmpty || !world.database.heldCommits.isEmpty {
        reads += world.database.heldLoads.count
        world.play(
          world.loads().map { damaged($0, world) }
            + world.commits().map { world.refused($0, fault) })
      }
    }
    return reads
  }
}
