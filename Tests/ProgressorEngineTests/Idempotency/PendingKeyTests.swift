import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("An idempotency key whose request is still running")
struct PendingKeyTests {
  /// A machine "m" with a call under the key "k" that its processor works on; two may wait.
  private func world() -> (World, owner: RequestID) {
    let world = World([.named("n", limits: Limits(mailbox: 2))])
    world.start("m")
    world.processor.holds = true
    return (world, world.call("m", key: "k"))
  }

  @Test("Who waited for its reply and is gone, cancelled or expired, makes room at once")
  func gone() {
    let (world, owner) = world()
    for _ in 0..<10 {
      world.cancel(world.call("m", key: "k"))
      world.call("m", key: "k", within: .milliseconds(1))
      world.now += .milliseconds(2)
    }
    let waiting = [world.call("m", key: "k"), world.call("m", key: "k")]
    #expect(waiting.allSatisfy { world.replies[$0] == nil })
    let refused = world.call("m", key: "k")
    #expect(world.replies[refused]?.error?.reason == .overloaded)
    world.release()
    for id in waiting + [owner] { #expect(world.replies[id] == .called(response: [])) }
    #expect(world.statistics().requests == 0)
  }

  @Test("Whose a key is, is not forgotten while a long history is read in a second load")
  func longHistory() {
    let world = World { configuration in
      configuration.historyWindowBytes = 0
      configuration.smallHistoryBytes = 10
    }
    world.processor.answers(.event([UInt8](repeating: 7, count: 1_000)))
    world.start("m")
    #expect(world.replies[world.call("m", args: [1], key: "k")] == .called(response: []))
    world.database.holdsLoads = true
    let mistaken = world.call("m", args: [2], key: "k")
    let again = world.call("m", args: [1], key: "k")
    world.release()
    #expect(world.replies[mistaken]?.error?.reason == .invalidArgument)
    #expect(world.replies[again] == .called(response: []))
  }

  @Test("After an error the one that came first tries, and the mistaken are told when it is known")
  func next() {
    var key = PendingKey(owner: RequestID(1), fingerprint: [1])
    for (number, fingerprint) in [(2, 1), (3, 2), (4, 1), (5, 2)] as [(UInt64, UInt8)] {
      key.wait(RequestID(number), [fingerprint])
    }
    key.leave(RequestID(2), [1])
    #expect(key.waiterCount == 3)
    #expect(key.handOver() == RequestID(4))
    #expect(key.owner == RequestID(4) && key.fingerprint == [1] && !key.isConfirmed)
    #expect(key.allWaiters.map(\.number) == [3, 5])
    #expect(key.confirm().map(\.number) == [3, 5])
    #expect(key.isConfirmed && key.waiterCount == 0)
    #expect(key.handOver() == nil)
  }
}
