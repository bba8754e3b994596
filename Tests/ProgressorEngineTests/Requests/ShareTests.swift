import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("Shares of the server's requests")
struct ShareTests {
  /// Namespaces "a" and "b" on an engine that takes so many requests, and whose database is silent.
  private func world(maximumRequests: Int) -> World {
    let world = World([.named("a"), .named("b")]) { $0.maximumRequests = maximumRequests }
    world.database.holdsLoads = true
    return world
  }

  /// With what some of so many calls are refused.
  private func refused(_ times: Int, in namespace: String, _ world: World) -> [ProgressorError] {
    let ids = (0..<times).map { world.call("\(namespace)\($0)", in: namespace) }
    return ids.compactMap { world.replies[$0]?.error }
  }

  @Test("One namespace holds at most as many requests as it leaves free for the others")
  func share() {
    let world = world(maximumRequests: 100)
    let errors = refused(200, in: "a", world)
    #expect(errors.count == 149)
    #expect(errors.allSatisfy { $0.reason == .overloaded && $0.retryPushback != nil })
    #expect(refused(20, in: "b", world).isEmpty)
    let statistics = world.statistics()
    #expect(statistics.requests == 71)
    #expect(statistics.namespaces[0].counts.refusals == [149, 0, 0])
    #expect(statistics.namespaces[1].counts.refusals == [0, 0, 0])
  }

  @Test("The server's limit holds for all together, and what ends makes room again")
  func total() {
    let world = world(maximumRequests: 1)
    let first = world.call("a", in: "a")
    #expect(world.replies[first] == nil)
    #expect(refused(3, in: "b", world).count == 3)
    #expect(world.statistics().counts.requestsRefused == 3)
    // What is read for a caller that goes away has its place until it is read.
    world.cancel(first)
    world.answerLoads()
    #expect(world.statistics().requests == 0)
    #expect(world.statistics().namespaces.allSatisfy { $0.requests == 0 })
    #expect(refused(1, in: "b", world).isEmpty)
  }
}
