import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("How long an invocation may take")
struct InvocationTests {
  /// One namespace whose processor may take a second, and works on what it is given.
  private func world() -> World {
    let world = World([.named("n", timeout: 1_000_000)])
    world.processor.holds = true
    return world
  }

  @Test("A call may wait until its caller's deadline; the processor has its own time")
  func request() throws {
    let world = world()
    world.start("m", within: .seconds(10))
    let start = try #require(world.nextCall())
    #expect(start.deadline == 10_000_000)
    #expect(start.timeout == 1_000_000)
    #expect(start.waitsForEndpoint)
  }

  @Test("A timer's own processing_timeout goes first; it waits for half a minute at most")
  func timer() throws {
    let world = world()
    world.start("m", within: .seconds(10))
    world.answer(
      try #require(world.nextCall()),
      .timer(after: .seconds(2), processingTimeout: .seconds(5)))
    world.now += .seconds(2)
    let timeout = try #require(world.nextCall())
    #expect(timeout.stimulus == .signal(.timeout))
    #expect(timeout.timeout == 5_000_000)
    #expect(timeout.deadline == 2_000_000 + 5_000_000 + 30_000_000)
    #expect(!timeout.waitsForEndpoint)
  }
}
