import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("A processor that says when to try again")
struct RetryInfoTests {
  private func next(_ world: World) -> Timestamp? {
    world.database.queue(of: MachineID(namespace: "n", id: "m")).first?.retry?.nextAttemptAt
  }

  private func busy(_ delay: Int64?) -> ProcessorOutcome {
    .status(ProcessorStatus(code: .unavailable, message: "busy", retryDelay: delay))
  }

  @Test("The later of it and the policy counts", arguments: [-5, 0, 1, 30_000_000])
  func later(delay: Int64) throws {
    var namespace = Namespace.named("n")
    namespace.retryPolicy = RetryPolicy(initialInterval: 1_000_000, jitter: 0)
    let world = World([namespace])
    world.start("m")
    world.processor.answers(busy(delay))
    world.notify("m", args: [1])
    let time = try #require(next(world))
    #expect(time == world.now.wall.advanced(byMicroseconds: max(1_000_000, delay)))
  }

  @Test("However long it is, the attempt is within a hundred years, and the calendar")
  func bounds() throws {
    let world = World()
    world.start("m")
    world.processor.answers(busy(.max))
    world.notify("m", args: [1])
    let time = try #require(next(world))
    #expect(time > world.now.wall && time < .latest)
    #expect(world.inconsistency() == nil)
  }
}
