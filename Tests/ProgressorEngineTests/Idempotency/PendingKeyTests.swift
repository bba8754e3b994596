import MachineModel
import Testing

@testable import ProgressorEngine

@Suite("An idempotency key whose request is still running")
struct PendingKeyTests {
  private static func call(_ args: [UInt8] = []) -> ProgressorEngine.Operation {
    .call(args: args, range: nil, key: "k")
  }

  /// A machine "m" with a call under the key "k" that its processor works on; two may wait.
  private func world() -> (EngineWorld, owner: RequestID) {
    let world = EngineWorld([EngineWorld.namespace("n", limits: Limits(mailbox: 2))])
    world.ask(.start(args: [], key: nil), "m")
    world.holdsCalls = true
    return (world, world.ask(Self.call(), "m"))
  }

  @Test("Who waited for its reply and is gone, cancelled or expired, makes room at once")
  func gone() {
    let (world, owner) = world()
    for _ in 0..<10 {
      world.play([.cancelled(world.ask(Self.call(), "m"))])
      world.ask(Self.call(), "m", deadline: world.uptime + 1_000)
      world.pass(microseconds: 2_000)
    }
    let waiting = [world.ask(Self.call(), "m"), world.ask(Self.call(), "m")]
    #expect(waiting.allSatisfy { world.replies[$0] == nil })
    let refused = world.ask(Self.call(), "m")
    #expect(world.replies[refused]?.error?.reason == .overloaded)
    world.release()
    for id in waiting + [owner] { #expect(world.replies[id] == .called(response: [])) }
    #expect(world.statistics().requests == 0)
  }

  @Test("Whose a key is, is not forgotten while a long history is read in a second load")
  func longHistory() {
    let world = EngineWorld { configuration in
      configuration.historyWindowBytes = 0
      configuration.smallHistoryBytes = 10
    }
    let event = Content(data: [UInt8](repeating: 7, count: 1_000))
    world.answer = { _ in .answered(ProcessorAnswer(change: StateChange(events: [event]))) }
    world.ask(.start(args: [], key: nil), "m")
    #expect(world.reply(to: Self.call([1]), "m") == .called(response: []))
    world.holdsLoads = true
    let mistaken = world.ask(Self.call([2]), "m")
    let again = world.ask(Self.call([1]), "m")
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
