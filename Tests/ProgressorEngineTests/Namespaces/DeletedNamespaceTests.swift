import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("Deleted namespaces")
struct DeletedNamespaceTests {
  private func world(_ namespaces: [Namespace] = [.named("n"), .named("other")]) -> World {
    World(namespaces)
  }

  /// The namespace "n" is deleted, and another one gets the name.
  private func replace(_ world: World) {
    world.namespaces = [.named("gone"), .named("other"), .named("n")]
  }

  private func expectNotFound(_ world: World, _ request: RequestID) {
    #expect(world.replies[request]?.error?.reason == .namespaceNotFound)
    #expect(world.replies[request]?.error?.code == .notFound)
  }

  @Test("A start that the database refuses for it is answered so, and the others are written")
  func refused() throws {
    let world = world()
    world.database.holdsCommits = true
    world.start("first", in: "other")
    let first = try #require(world.nextCommit())
    let start = world.start("m")
    let others = ["a", "b", "c"].map { world.start($0, in: "other") }
    world.commit(first)
    while let batch = world.nextCommit() {
      let isBad = batch.records.contains { $0.machine.namespace == "n" }
      if isBad { world.refuse(batch, .namespaceGone) } else { world.commit(batch) }
    }
    expectNotFound(world, start)
    for other in others { #expect(world.replies[other] == .started) }
    #expect(world.statistics().heldMachines == 0)
    #expect(world.inconsistency() == nil)
    // It was let be after all, or there is another one.
    world.database.holdsCommits = false
    #expect(world.replies[world.start("m")] == .started)
  }

  @Test("With a key, it is the next request's turn to try")
  func refusedWithKey() throws {
    let world = world()
    world.database.holdsCommits = true
    let start = world.start("m", key: "k")
    let second = world.start("m", key: "k")
    world.refuse(try #require(world.nextCommit()), .namespaceGone)
    expectNotFound(world, start)
    world.release()
    #expect(world.replies[second] == .started)
  }

  @Test("Who waits at its gate hears that it is gone, and so does a pause that waits for its steps")
  func waiting() {
    let world = world([.named("n", limits: Limits(stepsInFlight: 1)), .named("other")])
    world.processor.holds = true
    let running = world.start("a")
    let waiting = ["b", "c"].map { world.start($0) }
    world.namespaces[0].pause = Pause(pausedAt: world.now.wall, reason: "")
    let quiet = world.ask(.awaitQuiet, "")
    world.namespaces[0].pause = nil
    let late = ["d", "e"].map { world.start($0) }
    world.namespaces = [.named("gone"), .named("other")]
    for request in waiting {
      #expect(world.replies[request]?.error?.reason == .namespacePaused)
    }
    #expect(world.replies[quiet] == .quiet)
    for request in late { expectNotFound(world, request) }
    #expect(world.replies[running] == nil)
    world.answerCalls()
    expectNotFound(world, running)
    #expect(world.commits().isEmpty)
    expectNotFound(world, world.start("m"))
    #expect(world.inconsistency() == nil)
    #expect(world.statistics().machines == 0)
  }

  @Test("A pause that waits for its steps hears that it is gone")
  func quiet() {
    let world = world()
    world.processor.holds = true
    world.start("a")
    world.namespaces[0].pause = Pause(pausedAt: world.now.wall, reason: "")
    let quiet = world.ask(.awaitQuiet, "")
    #expect(world.replies[quiet] == nil)
    world.namespaces = [.named("gone"), .named("other")]
    expectNotFound(world, quiet)
  }

  @Test("What was asked of it is nothing to the next one of its name, wherever it is")
  func nextOfTheName() {
    let world = world()
    world.processor.holds = true
    let asked = world.start("asked", key: "k")
    let calls = world.calls()
    (world.processor.holds, world.database.holdsCommits) = (false, true)
    let written = world.start("written", key: "k")
    let batch = world.commits()
    #expect(calls.count == 1 && batch.count == 1)
    replace(world)
    let next = ["asked", "written"].map { world.start($0, key: "k") }
    expectNotFound(world, asked)
    // Nobody here knows whether it is written.
    #expect(world.replies[written]?.error?.reason == .storageUnavailable)
    #expect(next.allSatisfy { world.replies[$0] == nil })
    world.database.holdsCommits = false
    world.play(batch.map { world.refused($0, .namespaceGone) })
    for request in next { #expect(world.replies[request] == .started) }
    for call in calls { world.answer(call) }
    let rows = world.database.rows.values
    #expect(rows.count == 2 && rows.allSatisfy { $0.namespace == NamespaceNumber(3) })
    #expect(world.inconsistency() == nil)
  }

  @Test("A namespace that is there again, after it could not be read, has its machines")
  func again() {
    let world = world()
    world.start("m")
    let known = world.namespaces
    world.namespaces = []
    expectNotFound(world, world.call("m"))
    world.namespaces = known
    #expect(world.replies[world.call("m")] == .called(response: []))
    #expect(world.inconsistency() == nil)
  }

  /// A machine whose timer is due in half a minute.
  private func worldWithTimer() -> World {
    let world = world()
    world.processor.answers(.timer(after: .seconds(30)))
    world.start("m")
    world.processor.answers(.ok)
    return world
  }

  @Test("What is due of a machine that cannot be read with its namespace begins nothing")
  func due() {
    let world = worldWithTimer()
    world.processor.holds = true
    let call = world.call("m")
    world.now += .seconds(31)
    world.namespaces = []
    world.answerCalls()
    expectNotFound(world, call)
    world.run(for: .seconds(60))
    #expect(world.inconsistency() == nil)
    #expect(world.calls().isEmpty)
  }

  @Test("A namespace that is there again has the timers of machines that stayed in memory")
  func timersAgain() {
    let world = worldWithTimer()
    let known = world.namespaces
    world.namespaces = []
    world.run(for: .seconds(1))
    world.namespaces = known
    world.processor.holds = true
    world.run(for: .seconds(60))
    #expect(world.calls().count == 1)
    #expect(world.inconsistency() == nil)
  }
}
