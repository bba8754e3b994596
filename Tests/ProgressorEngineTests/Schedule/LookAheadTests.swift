import MachineModel
import Testing

@testable import ProgressorEngine

@Suite("The look ahead")
struct LookAheadTests {
  /// The most that a timer may be late here: a read or two of the database.
  private static let bound: Int64 = 20_000

  private func expectInTime(_ world: TimerWorld, _ count: Int) {
    #expect(world.fired.count == count)
    let latest = world.fired.max { $0.late < $1.late }
    #expect((latest?.late ?? 0) <= Self.bound, "\(String(describing: latest))")
  }

  @Test("Timers beyond what memory holds fire in time, and hold up no nearer one of any namespace")
  func crowdOfTimers() {
    let world = TimerWorld(page: 4, namespaces: ["crowd", "other"])
    world.begin()
    for number in 0..<200 { world.start("far\(number)", in: "crowd", timer: 45) }
    #expect(world.timersInMemory <= 16)
    world.start("near", in: "crowd", timer: 2)
    for number in 0..<20 { world.start("near\(number)", in: "other", timer: 2 + Int64(number % 3)) }
    world.pass(seconds: 10)
    expectInTime(world, 21)
    world.pass(seconds: 50)
    #expect(world.fired.count == 221)
    // All of them at one time, and a few read at a time: but no pause in between.
    #expect(world.fired.allSatisfy { $0.late <= 200_000 })
  }

  @Test("A timer fires in time though the room was used up when the look ahead had to begin anew")
  func shardsComeBeyondRoom() {
    let world = TimerWorld(page: 2, namespaces: ["n"])
    for number in 0..<20 {
      world.store(
        "far\(number)", in: "n",
        due: TimerWorld.start.advanced(byMicroseconds: (50 + Int64(number)) * 1_000_000))
    }
    world.begin()
    world.pass(seconds: 1)
    world.store(
      "near", in: "n", due: TimerWorld.start.advanced(byMicroseconds: 3_000_000))
    world.play(
      .shardsAcquired((0..<4).map { ShardGrant(shard: ShardID($0), epoch: 2) }))
    world.pass(seconds: 4)
    expectInTime(world, 1)
    world.pass(seconds: 100)
    expectInTime(world, 21)
  }

  @Test("Timers that were removed, unset or set anew take no room")
  func timersLeave() {
    let world = TimerWorld(page: 1_000, namespaces: ["n"])
    world.begin()
    for number in 0..<100 { world.start("m\(number)", in: "n", timer: 30) }
    #expect(world.timersInMemory == 100)
    for number in 0..<50 { world.ask(.remove, "m\(number)", "n") }
    #expect(world.timersInMemory == 50)
    for number in 50..<90 { world.ask(.call(args: [], range: nil, key: nil), "m\(number)", "n") }
    #expect(world.timersInMemory == 10)
    world.pass(seconds: 40)
    expectInTime(world, 10)
    #expect(world.timersInMemory == 0)
  }

  @Test(
    "No time that a timer may have is the beginning of all: not the first of the calendar either")
  func firstTimeOfTheCalendar() {
    let world = TimerWorld(page: 2, namespaces: ["down", "up"], down: ["down"])
    for number in 0..<20 {
      world.store("zero\(number)", in: "down", due: .earliest)
      world.store("zero\(number)", in: "up", due: .earliest)
    }
    world.store(
      "later", in: "up", due: TimerWorld.start.advanced(byMicroseconds: 70_000_000))
    world.begin()
    world.pass(seconds: 5)
    #expect(world.fired.count == 20)
    world.pass(seconds: 70)
    #expect(world.fired.last?.machine.id == "later")
    #expect((world.fired.last?.late ?? .max) <= Self.bound)
    world.bringBack("down")
    world.pass(seconds: 5)
    #expect(world.fired.count == 41)
  }

  @Test(
    "What is overdue where the processor is away is not read again and again, nor in anybody's way")
  func overdueOfOthers() {
    let world = TimerWorld(page: 10, namespaces: ["away", "up"], down: ["away"])
    for number in 0..<1_000 {
      let due = TimerWorld.start.advanced(byMicroseconds: Int64(number) - 5_000_000)
      world.store("old\(number)", in: "away", due: due)
      if number < 200 { world.store("new\(number)", in: "up", due: due) }
    }
    world.begin()
    world.pass(seconds: 300)
    #expect(world.fired.count == 200)
    // At most what there is room for, once.
    #expect((world.rowsRead["away"] ?? 0) <= 40)
    world.bringBack("away")
    world.pass(seconds: 5)
    #expect(world.fired.count == 1_200)
    // Each row about once: what is read is never begun anew.
    #expect((world.rowsRead["away"] ?? 0) <= 1_200)
    #expect((world.rowsRead["up"] ?? 0) <= 400)
  }

  @Test("An idle namespace is looked at every half of what is looked ahead")
  func idle() {
    let world = TimerWorld(page: 1_000, namespaces: ["n", "o"])
    world.begin()
    world.pass(seconds: 300)
    #expect(world.reads == ["n": 11, "o": 11])
  }
}
