import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("A processor that fails its machine with its answer")
struct FailActionTests {
  private static let why = "no such account"

  /// An event, a timer in a minute, and the failure.
  private static let failing = ProcessorOutcome.answered(
    ProcessorAnswer(
      response: [7], change: StateChange(events: [Content(data: [1])]),
      action: Action(
        timer: .set(TimerSetting(when: .timeout(microseconds: 60_000_000))), fail: why)))

  private func shown(_ world: World) -> Machine? {
    world.reply(to: .get(range: nil), "m")?.shownMachine
  }

  private func failure(_ world: World) -> Failure? {
    if case .failed(let failure) = shown(world)?.status { failure } else { nil }
  }

  @Test("A call has its response and its change, and then the machine waits for repair")
  func call() throws {
    let world = World()
    world.start("m")
    world.processor.answers(Self.failing)
    let call = world.ask(.call(args: [], range: nil, key: nil), "m", by: "ann")
    #expect(world.replies[call] == .called(response: [7]))
    let failed = try #require(failure(world))
    #expect(failed.reason == Self.why && failed.stepKind == .call && failed.principal == "ann")
    #expect(failed.code == 0 && failed.attempts == 1 && failed.failedAt == world.now.wall)
    #expect(shown(world)?.lastEventID == 1 && shown(world)?.timer != nil)
    let next = world.call("m")
    #expect(world.replies[next]?.error?.reason == .machineFailed)
    // Nothing runs, and everything goes on after a repair.
    world.run(for: .seconds(90))
    #expect(shown(world)?.lastEventID == 1)
    world.processor.answers(.event())
    #expect(world.reply(to: .simpleRepair, "m") == .simplyRepaired)
    world.run(for: .seconds(1))
    #expect(failure(world) == nil && shown(world)?.lastEventID == 2)
    #expect(world.inconsistency() == nil)
  }

  @Test("A start makes a machine that is failed")
  func start() {
    let world = World()
    world.processor.answers(Self.failing)
    let start = world.start("m")
    #expect(world.replies[start] == .started)
    #expect(failure(world)?.stepKind == .start && shown(world)?.lastEventID == 1)
    world.restart(epoch: 2)
    #expect(failure(world)?.reason == Self.why)
  }

  @Test("A timeout or notification is used up")
  func signals() {
    let world = World()
    world.processor.answers(.timer(after: .seconds(1)))
    world.start("m")
    world.processor.answers(.answered(ProcessorAnswer(action: Action(fail: Self.why))))
    world.run(for: .seconds(2))
    #expect(failure(world)?.stepKind == .timeout && shown(world)?.timer == nil)
    _ = world.reply(to: .simpleRepair, "m")
    world.notify("m", args: [1])
    #expect(failure(world)?.stepKind == .notification)
    #expect(world.database.queue(of: MachineID(namespace: "n", id: "m")).isEmpty)
    #expect(world.inconsistency() == nil)
  }

  @Test("A repair succeeds, and leaves another failure")
  func repair() throws {
    let world = World()
    world.start("m")
    world.processor.answers(.status(ProcessorStatus(code: .internal, message: "broken")))
    world.call("m")
    world.now += .seconds(1)
    world.processor.answers(Self.failing)
    let reply = world.reply(to: .repair(args: [], range: nil, key: nil), "m")
    #expect(reply == .repaired(response: [7]))
    let failed = try #require(failure(world))
    #expect(failed.reason == Self.why && failed.stepKind == .repair)
    #expect(failed.failedAt == world.now.wall && shown(world)?.lastEventID == 1)
  }

  @Test("Of one that is removed with it nothing is left, and a reason has words")
  func edges() {
    let world = World()
    world.start("m")
    world.processor.answers(.answered(ProcessorAnswer(action: Action(fail: ""))))
    world.call("m")
    #expect(failure(world)?.reason.isEmpty == false)
    _ = world.reply(to: .simpleRepair, "m")
    world.processor.answers(
      .answered(ProcessorAnswer(action: Action(remove: true, fail: Self.why))))
    world.call("m")
    #expect(world.reply(to: .get(range: nil), "m")?.error?.reason == .machineNotFound)
  }
}
