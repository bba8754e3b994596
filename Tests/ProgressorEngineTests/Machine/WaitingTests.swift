import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("What a machine waits for")
struct WaitingTests {
  private func waiting(_ world: World, _ id: String = "m") -> Machine.Waiting? {
    world.reply(to: .get(range: nil), id)?.shownMachine?.waiting
  }

  private let busy = ProcessorOutcome.status(ProcessorStatus(code: .unavailable, message: "busy"))

  @Test("nothing, when nothing is due: also with a timer that comes later, and when it is failed")
  func nothing() {
    let world = World()
    world.processor.answers(.timer(after: .seconds(60)))
    world.start("m")
    #expect(waiting(world) == nil)
    world.processor.answers(.status(ProcessorStatus(code: .internal, message: "broken")))
    world.run(for: .seconds(61))
    #expect(world.reply(to: .get(range: nil), "m")?.shownMachine?.status.isFailed == true)
    #expect(waiting(world) == nil)
  }

  @Test("the endpoint, since its timer was due, also when it is not in memory")
  func endpoint() {
    let world = World { $0.residentBytes = 0 }
    world.processor.answers(.timer(after: .seconds(5)))
    world.start("m")
    world.processor.answers(.unreachable(message: "refused"))
    let due = (world.now + .seconds(5)).wall
    world.run(for: .seconds(60))
    #expect(waiting(world) == Machine.Waiting(on: .endpoint, since: due))
    world.processor.answers(.ok)
    world.play([.endpointReady(NamespaceNumber(1))])
    #expect(waiting(world) == nil)
  }

  @Test(
    "the end of a pause, its own or its namespace's, once something is due",
    arguments: [true, false])
  func pause(ofNamespace: Bool) {
    let world = World()
    world.processor.answers(.timer(after: .seconds(5)))
    world.start("m")
    if ofNamespace {
      world.namespaces[0].pause = Pause(pausedAt: world.now.wall, reason: "")
    } else {
      #expect(world.reply(to: .pause(reason: ""), "m") == .paused)
    }
    let due = (world.now + .seconds(5)).wall
    #expect(waiting(world) == nil)
    world.run(for: .seconds(10))
    #expect(waiting(world) == Machine.Waiting(on: .pause, since: due))
    let accepted = world.now.wall
    world.start("other")
    if !ofNamespace {
      world.notify("m")
      #expect(waiting(world) == Machine.Waiting(on: .pause, since: accepted))
    }
  }

  @Test("the next attempt, since the notification was accepted or the timer due")
  func retry() {
    let world = World()
    world.start("m")
    world.processor.answers(busy)
    let accepted = world.now.wall
    world.notify("m")
    #expect(waiting(world) == Machine.Waiting(on: .retry, since: accepted))
    world.processor.answers(.timer(after: .seconds(3_600)))
    world.run(for: .seconds(600))
    #expect(waiting(world) == nil)
  }

  @Test("a place among the namespace's calls, since the step came to the gate")
  func slot() {
    let world = World([.named("n", maxInFlight: 1)])
    world.start("m")
    world.start("other")
    world.processor.holds = true
    world.call("other")
    let began = world.now.wall
    world.notify("m")
    world.now += .seconds(3)
    #expect(waiting(world) == Machine.Waiting(on: .slot, since: began))
    #expect(waiting(world, "other") == Machine.Waiting(on: .step, since: began))
  }

  @Test("a turn, when the namespace lets no more in")
  func turn() {
    let world = World([.named("n", limits: Limits(stepsInFlight: 1), maxInFlight: 1)])
    world.processor.answers(.timer(after: .seconds(5)))
    for id in ["a", "b", "c"] { world.start(id) }
    let due = (world.now + .seconds(5)).wall
    world.processor.holds = true
    world.run(for: .seconds(30))
    let found = ["a", "b", "c"].compactMap { waiting(world, $0) }
    #expect(found.count { $0.on == .step } == 1)
    #expect(found.count { $0.on == .slot } == 2)
    #expect(found.allSatisfy { $0.since == due })
  }

  @Test("the step that runs, with its processor or on its way to the database")
  func step() {
    let world = World()
    world.start("m")
    world.processor.answers(.event())
    world.processor.holds = true
    let began = world.now.wall
    world.call("m")
    world.now += .seconds(2)
    #expect(waiting(world) == Machine.Waiting(on: .step, since: began))
    world.database.holdsCommits = true
    world.processor.holds = false
    world.answerCalls()
    #expect(world.database.heldCommits.count == 1)
    #expect(waiting(world) == Machine.Waiting(on: .step, since: began))
    world.release()
    #expect(waiting(world) == nil)
  }
}
