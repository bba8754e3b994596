import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("What waits in an engine")
struct EngineWaitingTests {
  private static let patience: Int64 = 10_000_000

  private func waiting(_ world: World, _ machines: String...) -> EngineWaiting {
    world.engine.waiting(
      at: world.now, machines: machines.map { MachineID(namespace: "n", id: $0) },
      patience: Self.patience)
  }

  private func state(_ world: World) -> EngineWaiting.OfNamespace? {
    waiting(world).namespaces[NamespaceNumber(1)]
  }

  @Test("A request that waits behind another is told when it has waited for long enough")
  func behindAnother() {
    let world = World()
    world.start("m")
    world.processor.holds = true
    world.call("m")
    world.now += .seconds(3)
    let since = world.now.uptime
    world.call("m")
    world.now += .seconds(10)
    #expect(state(world)?.oldestRequest == nil)
    world.now += .seconds(1)
    #expect(state(world)?.oldestRequest == since)
    world.answerCalls()
    #expect(state(world)?.oldestRequest == nil)
  }

  @Test("A request that the processor works on does not wait")
  func underWay() {
    let world = World()
    world.start("m")
    world.processor.holds = true
    world.call("m")
    world.now += .seconds(60)
    #expect(state(world)?.oldestRequest == nil)
  }

  @Test("A request that waits for its namespace's limit waits")
  func limited() {
    let world = World([.named("n", maxInFlight: 1)])
    world.start("a")
    world.start("b")
    world.processor.holds = true
    world.call("a")
    world.call("b")
    world.now += .seconds(11)
    #expect(state(world)?.oldestRequest == 0)
  }

  @Test("A machine whose timeout runs is in hand; one whose timeout waits for a turn is not")
  func inHand() {
    let world = World([.named("n", maxInFlight: 1)])
    world.processor.answers(.timer(after: .seconds(1)))
    world.start("a")
    world.start("b")
    #expect(waiting(world, "a", "b").inHand.isEmpty)
    world.processor.holds = true
    world.run(for: .seconds(2))
    let machines = ["a", "b"].map { MachineID(namespace: "n", id: $0) }
    let inHand = waiting(world, "a", "b", "gone").inHand
    #expect(inHand.count == 1 && inHand.isSubset(of: machines))
  }

  @Test("A paused namespace, and one whose endpoint is down, are held")
  func held() {
    let world = World()
    world.processor.answers(.timer(after: .seconds(1)))
    world.start("m")
    #expect(state(world)?.isHeld == false)
    world.processor.answers(.unreachable(message: "connect refused"))
    world.run(for: .seconds(2))
    #expect(state(world)?.isHeld == true)
    world.play([.endpointReady(NamespaceNumber(1))])
    world.processor.holds = true
    world.namespaces[0].pause = Pause(pausedAt: world.now.wall, reason: "r")
    #expect(state(world)?.isHeld == true)
  }

  @Test("The lateness of each timer is counted when its processor is called")
  func lateness() {
    let world = World()
    world.processor.answers(.timer(after: .seconds(1)))
    world.start("m")
    world.processor.answers(.ok)
    world.now += .seconds(4)
    let lateness = world.statistics().counts.timerLateness
    #expect(lateness.count == 1 && lateness.sum == 3_000_000)
  }

  @Test("However many requests were answered, few of them are remembered")
  func bounded() {
    let world = World()
    world.start("m")
    world.processor.holds = true
    world.call("m")
    world.processor.holds = false
    for _ in 0..<5_000 { world.get("m") }
    for number in 0..<5_000 { world.start("other-\(number)") }
    #expect(world.engine.requests.arrivalCount <= 2 * world.engine.requests.count + 1_025)
    #expect(world.inconsistency() == nil)
    world.now += .seconds(11)
    #expect(state(world)?.oldestRequest == nil)
  }
}
