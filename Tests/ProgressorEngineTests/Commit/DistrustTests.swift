import MachineModel
import Testing

@testable import ProgressorEngine

@Suite("A machine of which memory is wrong")
struct DistrustTests {
  private static let call = Operation.call(args: [], range: nil, key: nil)
  private static let notify = Operation.notify(args: [], range: nil, key: nil)

  /// A world whose processor works on a call of "m", while a notification cannot be queued.
  private func world() throws -> (EngineWorld, call: RequestID, notify: RequestID) {
    let world = EngineWorld()
    world.ask(.start(args: [], key: nil), "m")
    world.holdsCalls = true
    let call = world.ask(Self.call, "m")
    world.holdsCommits = true
    let notify = world.ask(Self.notify, "m")
    let batch = try #require(world.takeCommits().first)
    world.play([.refused(batch.id, CommitRefusal(.conflict, code: "PGF02", message: "no"))])
    world.holdsCommits = false
    return (world, call, notify)
  }

  @Test("What its processor works on is neither lost nor asked again beside it")
  func processorIsAskedOnce() throws {
    let (world, call, notify) = try world()
    #expect(world.replies[notify]?.error?.reason == .storageUnavailable)
    let next = world.ask(Self.call, "m")
    #expect(world.calls.count == 1)
    #expect(world.replies[call] == nil)
    world.holdsLoads = true
    world.answerCalls()
    #expect(world.replies[call] == .called(response: []))
    // What memory says is not believed any more.
    #expect(world.replies[next]?.error?.reason == .storageUnavailable)
    world.ask(Self.call, "m")
    #expect(world.takeLoads().contains { $0.row })
  }

  @Test("What the database does not take is not said to be a matter of time")
  func contents() throws {
    let world = EngineWorld()
    world.ask(.start(args: [], key: nil), "m")
    world.holdsCommits = true
    let notify = world.ask(Self.notify, "m")
    let batch = try #require(world.takeCommits().first)
    world.play([.refused(batch.id, CommitRefusal(.contents, code: "22021", message: "no"))])
    let error = world.replies[notify]?.error
    #expect(error?.code == .internal && error?.reason == .storageRefused)
  }

  @Test("An answer that is on its way to the database stays on it")
  func commitGoesOn() throws {
    let world = EngineWorld()
    world.ask(.start(args: [], key: nil), "m")
    world.holdsCommits = true
    let notify = world.ask(Self.notify, "m")
    world.answer = { _ in
      .answered(ProcessorAnswer(change: StateChange(events: [Content(data: [1])])))
    }
    let call = world.ask(Self.call, "m")
    let batch = try #require(world.takeCommits().first)
    world.play([.refused(batch.id, CommitRefusal(.conflict, code: "PGF02", message: "no"))])
    #expect(world.replies[notify]?.error?.reason == .storageUnavailable)
    world.release()
    #expect(world.replies[call] == .called(response: []))
  }
}
