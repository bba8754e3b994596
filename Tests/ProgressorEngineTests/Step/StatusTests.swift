import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("What is told of a status")
struct StatusTests {
  private func shown(_ world: World) -> Machine? {
    world.reply(to: .get(range: nil), "m")?.shownMachine
  }

  private func failure(_ world: World) -> Failure? {
    if case .failed(let failure) = shown(world)?.status { failure } else { nil }
  }

  private static let fatal = ProcessorOutcome.status(
    ProcessorStatus(code: .internal, message: "broken"))
  private static let transient = ProcessorOutcome.status(
    ProcessorStatus(code: .unavailable, message: "busy"))

  @Test("Since is the start, then the failure, then the repair; steps and retries leave it")
  func since() {
    let world = World()
    world.start("m")
    let start = world.now.wall
    #expect(shown(world)?.since == start)
    world.now += .seconds(1)
    world.processor.answers(.timer(after: .milliseconds(1)))
    world.call("m")
    world.processor.answers(Self.transient)
    world.run(for: .seconds(2))
    #expect(shown(world)?.since == start)
    world.processor.answers(Self.fatal)
    world.call("m")
    let failed = world.now.wall
    #expect(shown(world)?.since == failed && failure(world)?.failedAt == failed)
    world.now += .seconds(1)
    world.processor.answers(.ok)
    _ = world.reply(to: .simpleRepair, "m")
    let repaired = world.now.wall
    #expect(shown(world)?.since == repaired)
    world.now += .seconds(1)
    world.processor.answers(.event())
    world.call("m")
    world.restart(epoch: 2)
    #expect(shown(world)?.since == repaired)
    #expect(world.inconsistency() == nil)
  }

  @Test("A processor is shown since when its machine works, from its init on")
  func invocation() throws {
    let world = World()
    world.processor.holds = true
    world.start("m")
    let call = try #require(world.nextCall())
    #expect(call.machine.since == call.machine.createdAt)
  }

  @Test("A failure names the step as its processor was told of it, each time")
  func step() throws {
    let world = World()
    world.start("m")
    var told: [String] = []
    world.processor.answers { invocation in
      told.append(invocation.stepToken)
      return Self.fatal
    }
    world.ask(.call(args: [], range: nil, key: nil), "m", by: "alice")
    #expect(failure(world)?.step == told.last && failure(world)?.principal == "alice")
    #expect(failure(world)?.stepKind == .call)
    world.processor.answers(.timer(after: .milliseconds(1)))
    world.ask(.repair(args: [], range: nil, key: nil), "m", by: "bob")
    world.processor.answers { invocation in
      told.append(invocation.stepToken)
      return Self.fatal
    }
    world.run(for: .seconds(1))
    let timeout = try #require(failure(world))
    #expect(timeout.stepKind == .timeout && timeout.principal == "bob")
    #expect(timeout.step == told.last && told.count == 2)
    _ = world.reply(to: .simpleRepair, "m")
    world.run(for: .seconds(1))
    // The same step, tried anew.
    #expect(failure(world)?.step == told.last && told.last == timeout.step && told.count == 3)
    #expect(world.inconsistency() == nil)
  }

  @Test("What is too large to be shown fails the machine under the name of the step")
  func tooLarge() throws {
    let world = World()
    world.processor.answers(.event())
    world.start("m")
    world.processor.holds = true
    world.ask(.notify(args: [1], range: nil, key: nil), "m", by: "alice")
    let delivery = try #require(world.nextCall())
    world.answer(delivery, .machineTooLarge)
    let noted = try #require(failure(world))
    #expect(noted.step == delivery.stepToken && noted.principal == "alice")
  }
}
