import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("The look ahead")
struct LookAheadTests {
  /// The most that a timer may be late here: a read or two of the database.
  private static let bound: Int64 = 20_000

  /// Processors of timers: they set one when a machine starts, in as many seconds as they are told,
  /// unset it when it is called, and note how late each comes. Some of them are down.
  private final class Timers {
    let world: World
    var down: Set<String>
    /// Which machine, and how late in microseconds.
    private(set) var fired: [(machine: MachineID, late: Int64)] = []

    /// - Parameter page: Rows that one look ahead brings; four times as many timers are in memory.
    init(page: Int, _ namespaces: [String], down: Set<String> = []) {
      self.down = down
      world = World(namespaces.map { .named($0) }, begins: false) {
        $0.shards = 4
        $0.lookAheadPage = page
      }
      world.database.lookAheadTakes = .milliseconds(1)
      world.processor.answers { [unowned self] in outcome(of: $0) }
    }

    private func outcome(of call: Invocation) -> ProcessorOutcome {
      switch call.stimulus {
      case .signal(.initialize(let args)):
        return .timer(after: .seconds(Int64(String(decoding: args, as: UTF8.self)) ?? 0))
      case .signal(.timeout) where down.contains(call.machine.machineID.namespace):
        return .unreachable(message: "connection refused")
      case .signal(.timeout):
        let due = world.database.rows[call.machine.machineID]?.due ?? world.now.wall
        let late = world.now.wall.microseconds - due.microseconds
        fired.append((call.machine.machineID, late))
        return .ok
      case .call: return .answered(ProcessorAnswer(action: Action(timer: .unset)))
      default: return .ok
      }
    }

    /// Starts a machine that sets a timer.
    func start(_ id: String, in namespace: String, timer seconds: Int64) {
      world.start(id, in: namespace, args: Array("\(seconds)".utf8))
    }

    /// Puts a machine with a timer into the database, past the engine.
    func store(_ id: String, in namespace: String, after duration: Duration) {
      world.store(id, in: namespace, due: (world.now + duration).wall)
    }

    func bringBack(_ namespace: String) {
      down.remove(namespace)
      world.play([.endpointReady(world.number(of: namespace))])
    }

    var inMemory: Int { world.statistics().timers }
  }

  private func expectInTime(_ timers: Timers, _ count: Int) {
    #expect(timers.fired.count == count)
    let latest = timers.fired.max { $0.late < $1.late }
    #expect((latest?.late ?? 0) <= Self.bound, "\(String(describing: latest))")
  }

  @Test("Timers beyond what memory holds fire in time, and hold up no nearer one of any namespace")
  func crowdOfTimers() {
    let timers = Timers(page: 4, ["crowd", "other"])
    timers.world.begin()
    for number in 0..<200 { timers.start("far\(number)", in: "crowd", timer: 45) }
    #expect(timers.inMemory <= 16)
    timers.start("near", in: "crowd", timer: 2)
    for number in 0..<20 {
      timers.start("near\(number)", in: "other", timer: 2 + Int64(number % 3))
    }
    timers.world.run(for: .seconds(10))
    expectInTime(timers, 21)
    timers.world.run(for: .seconds(50))
    #expect(timers.fired.count == 221)
    // All of them at one time, and a few read at a time: but no pause in between.
    #expect(timers.fired.allSatisfy { $0.late <= 200_000 })
  }

  @Test("A timer fires in time though the room was used up when the look ahead had to begin anew")
  func shardsComeBeyondRoom() {
    let timers = Timers(page: 2, ["n"])
    for number in 0..<20 {
      timers.store("far\(number)", in: "n", after: .seconds(50 + number))
    }
    timers.world.begin()
    timers.world.run(for: .seconds(1))
    timers.store("near", in: "n", after: .seconds(2))
    timers.world.play([.shardsAcquired(timers.world.grants(2))])
    timers.world.run(for: .seconds(4))
    expectInTime(timers, 1)
    timers.world.run(for: .seconds(100))
    expectInTime(timers, 21)
  }

  @Test("Timers that were removed, unset or set anew take no room")
  func timersLeave() {
    let timers = Timers(page: 1_000, ["n"])
    timers.world.begin()
    for number in 0..<100 { timers.start("m\(number)", in: "n", timer: 30) }
    #expect(timers.inMemory == 100)
    for number in 0..<50 { timers.world.remove("m\(number)") }
    #expect(timers.inMemory == 50)
    for number in 50..<90 { timers.world.call("m\(number)") }
    #expect(timers.inMemory == 10)
    timers.world.run(for: .seconds(40))
    expectInTime(timers, 10)
    #expect(timers.inMemory == 0)
  }

  @Test(
    "No time that a timer may have is the beginning of all: not the first of the calendar either")
  func firstTimeOfTheCalendar() {
    let timers = Timers(page: 2, ["down", "up"], down: ["down"])
    for number in 0..<20 {
      for name in ["down", "up"] {
        timers.world.store("zero\(number)", in: name, due: .earliest)
      }
    }
    timers.store("later", in: "up", after: .seconds(70))
    timers.world.begin()
    timers.world.run(for: .seconds(5))
    #expect(timers.fired.count == 20)
    timers.world.run(for: .seconds(70))
    #expect(timers.fired.last?.machine.id == "later")
    #expect((timers.fired.last?.late ?? .max) <= Self.bound)
    timers.bringBack("down")
    timers.world.run(for: .seconds(5))
    #expect(timers.fired.count == 41)
  }

  @Test(
    "What is overdue where the processor is away is not read again and again, nor in anybody's way")
  func overdueOfOthers() {
    let timers = Timers(page: 10, ["away", "up"], down: ["away"])
    for number in 0..<1_000 {
      let due = Duration.microseconds(Int64(number) - 5_000_000)
      timers.store("old\(number)", in: "away", after: due)
      if number < 200 { timers.store("new\(number)", in: "up", after: due) }
    }
    timers.world.begin()
    timers.world.run(for: .seconds(300))
    #expect(timers.fired.count == 200)
    // At most what there is room for, once.
    #expect((timers.world.database.rowsSeen["away"] ?? 0) <= 40)
    timers.bringBack("away")
    timers.world.run(for: .seconds(5))
    #expect(timers.fired.count == 1_200)
    // Each row about once: what is read is never begun anew.
    #expect((timers.world.database.rowsSeen["away"] ?? 0) <= 1_200)
    #expect((timers.world.database.rowsSeen["up"] ?? 0) <= 400)
  }

  @Test("An idle namespace is looked at every half of what is looked ahead")
  func idle() {
    let timers = Timers(page: 1_000, ["n", "o"])
    timers.world.begin()
    timers.world.run(for: .seconds(300))
    #expect(timers.world.database.looks == ["n": 11, "o": 11])
  }
}
