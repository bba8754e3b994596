import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("Timers of machines that are gone")
struct GoneMachinesTests {
  /// A machine "m" with an event and a timer in half a minute.
  private func world(residentBytes: Int) -> World {
    let world = World {
      $0.historyWindowBytes = 0
      $0.residentBytes = residentBytes
    }
    var answer = ProcessorAnswer(change: StateChange(events: [Content(data: [1])]))
    answer.action.timer = .set(TimerSetting(when: .timeout(microseconds: 30_000_000)))
    world.processor.answers(.answered(answer))
    world.start("m")
    world.processor.answers(.ok)
    #expect(world.statistics().timers == 1)
    return world
  }

  @Test("One that is removed leaves no timer, whoever waits to read it")
  func removed() {
    let world = world(residentBytes: 1 << 20)
    world.database.holdsCommits = true
    world.database.holdsLoads = true
    let remove = world.remove("m")
    let get = world.get("m")
    // The read shows the removal before it is known how its commit ended.
    world.play(world.loads().map { .loaded($0.id, .success(Loaded())) })
    #expect(world.replies[get] == nil)
    world.release()
    #expect(world.replies[remove] == .removed)
    #expect(world.replies[get]?.error?.reason == .machineNotFound)
    #expect(world.statistics().timers == 0 && world.statistics().machines == 0)
  }

  @Test("One that a read does not find leaves no timer")
  func absent() {
    let world = world(residentBytes: 0)
    world.database.holdsLoads = true
    let get = world.get("m")
    world.play(world.loads().map { .loaded($0.id, .success(Loaded())) })
    #expect(world.replies[get]?.error?.reason == .machineNotFound)
    #expect(world.statistics().timers == 0)
  }
}
