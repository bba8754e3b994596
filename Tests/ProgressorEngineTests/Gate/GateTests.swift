import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("The gate of a namespace")
struct GateTests {
  /// A namespace that takes one step at a time, whose processor and loads are held back.
  private func world() -> World {
    let world = World([.named("n", limits: Limits(stepsInFlight: 1))])
    world.database.holdsLoads = true
    world.processor.holds = true
    return world
  }

  /// The processor ends what it was given first.
  private func answerFirst(_ world: World) {
    if let call = world.nextCall() { world.answer(call) }
  }

  @Test("Few machines are read ahead of those that run; all have their turn, in order")
  func bounded() {
    let world = world()
    let ids = (1...1_000).map { world.start("m\($0)") }
    #expect(world.database.heldLoads.count == 1 + Gate.maximumAhead)
    var most = 0
    var order: [String] = []
    while world.replies.count < ids.count {
      most = max(most, world.database.heldLoads.count + world.processor.held.count)
      world.answerLoads()
      #expect(world.processor.held.count == 1)
      order += world.processor.held.map(\.machine.machineID.id)
      answerFirst(world)
    }
    #expect(most <= 2 + Gate.maximumAhead)
    #expect(order == (1...1_000).map { "m\($0)" })
    #expect(world.replies.values.allSatisfy { $0 == .started })
    #expect(world.statistics().namespaces[0].waiting == 0)
  }

  @Test("What a fence throws out makes room for nobody: another node may be the owner already")
  func fenced() {
    let world = world()
    let ids = [world.start("a"), world.start("b")]
    world.answerLoads()
    #expect(world.processor.held.count == 1)
    world.database.holdsCommits = true
    answerFirst(world)
    world.commits().forEach(world.fence)
    #expect(world.processor.held.isEmpty)
    #expect(ids.allSatisfy { world.replies[$0]?.error?.reason == .notOwner })
  }

  @Test("What is dropped while it waits is gone at once, and the next has its turn")
  func dropped() {
    let world = world()
    world.start("first")
    world.answerLoads()
    #expect(world.processor.held.count == 1)
    for number in 0..<5_000 { world.start("m\(number)", within: .milliseconds(1)) }
    let last = world.start("last")
    world.answerLoads()
    #expect(world.statistics().namespaces[0].waiting == 5_001)
    world.now += .milliseconds(2)
    #expect(world.statistics().requests == 2)
    world.answerLoads()
    #expect(world.statistics().namespaces[0].waiting == 1)
    #expect(world.statistics().machines <= 2)
    answerFirst(world)
    #expect(world.processor.held.map(\.machine.machineID.id) == ["last"])
    answerFirst(world)
    #expect(world.replies[last] == .started)
  }
}
