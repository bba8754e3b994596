import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("What people are told of steps")
struct MachineNewsTests {
  /// Of each record that was written: what is told, as `kind` or `kind: reason`; "-" = nothing.
  private final class Told {
    var news: [MachineNews?] = []
    var texts: [String] {
      news.map { news in
        news.map { $0.reason.isEmpty ? "\($0.kind)" : "\($0.kind): \($0.reason)" } ?? "-"
      }
    }
  }

  private func world() -> (World, Told) {
    let (world, told) = (World(), Told())
    world.watch = { effects in
      for case .commit(let batch) in effects { told.news += batch.records.map(\.news) }
    }
    return (world, told)
  }

  private func context(_ principal: String) -> CallerContext {
    CallerContext([.init(name: "traceparent", value: principal)], principal: principal)
  }

  private func ask(
    _ world: World, _ operation: ProgressorEngine.Operation, by principal: String
  ) {
    var request = world.request(operation, "m")
    request.context = context(principal)
    world.play([.request(request)])
  }

  @Test("A machine that fails, is repaired, paused, resumed and removed; nothing of other steps")
  func life() {
    let (world, told) = world()
    world.start("m")
    world.processor.answers(.event())
    world.call("m")
    world.processor.answers(.status(ProcessorStatus(code: .internal, message: "broken")))
    ask(world, .call(args: [], range: nil, key: nil), by: "ann")
    world.processor.answers(.ok)
    ask(world, .simpleRepair, by: "bob")
    ask(world, .pause(reason: "audit"), by: "cy")
    ask(world, .pause(reason: "again"), by: "cy")
    ask(world, .resume, by: "dee")
    ask(world, .resume, by: "dee")
    ask(world, .remove, by: "eve")
    #expect(
      told.texts == [
        "-", "-", "failed: broken", "repaired", "paused: audit", "resumed", "removed",
      ])
    let asked = told.news.compactMap { $0?.context.principal }
    #expect(asked == ["ann", "bob", "cy", "dee", "eve"])
    #expect(told.news[2]?.context == context("ann"))
  }

  @Test("A timeout tells of who set the timer, a delivery of who sent the notification")
  func origins() {
    let (world, told) = world()
    world.start("m")
    world.processor.answers(.timer(after: .seconds(1)))
    ask(world, .call(args: [], range: nil, key: nil), by: "ann")
    world.processor.answers(.status(ProcessorStatus(code: .internal, message: "no")))
    world.now += .seconds(1)
    world.processor.answers(.ok)
    ask(world, .simpleRepair, by: "bob")
    world.processor.answers(.status(ProcessorStatus(code: .internal, message: "nor")))
    ask(world, .notify(args: [], range: nil, key: nil), by: "cy")
    let failures = told.news.compactMap { $0 }.filter { $0.kind == .failed }
    #expect(failures.map(\.reason) == ["no", "nor"])
    #expect(failures.map(\.context.principal) == ["ann", "cy"])
  }

  @Test("A machine that its own processor removes is no news")
  func ends() {
    let (world, told) = world()
    world.start("m")
    world.processor.answers(.answered(ProcessorAnswer(action: Action(remove: true))))
    world.call("m")
    #expect(told.texts == ["-", "-"])
  }
}
