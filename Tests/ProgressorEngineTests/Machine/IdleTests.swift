import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("Which machines are idle")
struct IdleTests {
  @Test("one that is read between two of its steps is busy when the second one begins")
  func betweenSteps() throws {
    let world = World([.named("n")])
    world.start("m")
    world.processor.holds = true
    world.notify("m", args: [1])
    world.notify("m", args: [2])
    // The machine is in no memory, and a Get reads it; meanwhile its delivery is asked for again.
    world.database.holdsLoads = true
    world.restart(epoch: 2)
    let get = world.get("m")
    let loads = world.loads()
    let read = try #require(loads.first { $0.history != nil })
    for load in loads where load.id != read.id { world.load(load) }
    world.answerLoads()
    let delivery = try #require(world.nextCall())
    world.database.holdsCommits = true
    world.answer(delivery)
    let batch = try #require(world.nextCommit())
    // What is read is newer than what the engine knows: it waits for the commit.
    var found = world.database.answer(read)
    found.row?.version += 1
    world.play([.loaded(read.id, .success(found))])
    #expect(world.replies[get] == nil)
    world.commit(batch)
    #expect(world.replies[get] != nil)
    #expect(world.nextCall() != nil, "the second notification")
    #expect(world.inconsistency() == nil)
  }
}
