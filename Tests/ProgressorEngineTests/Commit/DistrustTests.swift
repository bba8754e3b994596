import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("A machine of which memory is wrong")
struct DistrustTests {
  /// A world whose processor works on a call of "m", while a notification cannot be queued.
  private func world() throws -> (World, call: RequestID, notify: RequestID) {
    let world = World()
    world.start("m")
    world.processor.holds = true
    let call = world.call("m")
    world.database.holdsCommits = true
    let notify = world.notify("m")
    let batch = try #require(world.commits().first)
    world.refuse(batch, .conflict)
    world.database.holdsCommits = false
    return (world, call, notify)
  }

  @Test("What its processor works on is neither lost nor asked again beside it")
  func processorIsAskedOnce() throws {
    let (world, call, notify) = try world()
    #expect(world.replies[notify]?.error?.reason == .storageUnavailable)
    let next = world.call("m")
    #expect(world.processor.held.count == 1)
    #expect(world.replies[call] == nil)
    world.database.holdsLoads = true
    world.answerCalls()
    #expect(world.replies[call] == .called(response: []))
    // What memory says is not believed any more.
    #expect(world.replies[next]?.error?.reason == .storageUnavailable)
    world.call("m")
    #expect(world.loads().contains { $0.row })
  }

  @Test("What the database does not take is not said to be a matter of time")
  func contents() throws {
    let world = World()
    world.start("m")
    world.database.holdsCommits = true
    let notify = world.notify("m")
    let batch = try #require(world.commits().first)
    world.refuse(batch, .contents)
    let error = world.replies[notify]?.error
    #expect(error?.code == .internal && error?.reason == .storageRefused)
  }

  @Test("An answer that is on its way to the database stays on it")
  func commitGoesOn() throws {
    let world = World()
    world.start("m")
    world.database.holdsCommits = true
    let notify = world.notify("m")
    world.processor.answers(.event())
    let call = world.call("m")
    let batch = try #require(world.commits().first)
    world.refuse(batch, .conflict)
    #expect(world.replies[notify]?.error?.reason == .storageUnavailable)
    world.release()
    #expect(world.replies[call] == .called(response: []))
  }
}
