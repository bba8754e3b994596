import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("Requests for the machine that their client has seen")
struct ExpectedEventTests {
  private typealias Asked = ProgressorEngine.Operation

  @Test("Another last event is STALE and names it; the processor is not asked, nothing is stored")
  func stale() {
    let world = World()
    world.processor.answers(.event())
    world.start("m")
    var calls = 0
    world.processor.answers { _ in
      calls += 1
      return .event()
    }
    for last: Int64 in [0, 2, .max] {
      for asked in [
        Asked.call(args: [], range: nil, key: "k"), .notify(args: [], range: nil, key: nil),
      ] {
        let error = world.replies[world.ask(asked, "m", expecting: last)]?.error
        #expect(error?.reason == .stale && error?.code == .aborted)
        #expect(error?.metadata["last_event_id"] == "1")
      }
    }
    #expect(calls == 0)
    let call = world.ask(.call(args: [], range: nil, key: "k"), "m", expecting: 1)
    #expect(world.replies[call] != nil && world.replies[call]?.error == nil)
    #expect(calls == 1 && world.inconsistency() == nil)
  }

  @Test("A repeat under a key has its reply, though the machine has moved on")
  func repeated() {
    let world = World()
    world.start("m")
    world.processor.answers(.event())
    let call = Asked.call(args: [1], range: nil, key: "k")
    let first = world.replies[world.ask(call, "m", expecting: 0)]
    #expect(first?.error == nil)
    #expect(world.replies[world.ask(call, "m", expecting: 0)] == first)
    let notify = Asked.notify(args: [1], range: nil, key: "n")
    let accepted = world.replies[world.ask(notify, "m", expecting: 1)]
    #expect(accepted?.error == nil)
    #expect(world.replies[world.ask(notify, "m", expecting: 1)] == accepted)
  }

  @Test("A call that waits is compared with the machine at its turn")
  func waiting() {
    let world = World()
    world.start("m")
    world.processor.answers(.event())
    world.processor.holds = true
    world.call("m")
    let late = world.ask(.call(args: [], range: nil, key: nil), "m", expecting: 0)
    let next = world.ask(.call(args: [], range: nil, key: nil), "m", expecting: 1)
    world.release()
    #expect(world.replies[late]?.error?.reason == .stale)
    #expect(world.replies[next]?.error == nil)
  }

  @Test("A repair is for the failure that was seen")
  func repair() {
    let world = World()
    world.start("m")
    world.processor.answers(.status(ProcessorStatus(code: .internal, message: "broken")))
    world.call("m")
    world.processor.answers(.event())
    let repair = Asked.repair(args: [], range: nil, key: nil)
    #expect(world.replies[world.ask(repair, "m", expecting: 1)]?.error?.reason == .stale)
    #expect(world.replies[world.ask(repair, "m", expecting: 0)]?.error == nil)
  }
}
