import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

/// What a turn goes through one by one is in proportion to what it takes in and puts out, however
/// much lies in memory. Counted, not timed: see ``Visits``.
@Suite("Costs of a turn")
struct CostTests {
  private static let roomy = Namespace.named(
    "n", limits: Limits(mailbox: 1_000_000, notifications: 1_000_000))

  /// Ten times as much costs at most about ten times as much, and each a few visits.
  private func expectLinear(
    _ visits: (_ load: Int) -> Int, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let (few, many) = (visits(400), visits(4_000))
    #expect(few <= 400 * 8 + 500, sourceLocation: sourceLocation)
    #expect(many <= 4_000 * 8 + 500, sourceLocation: sourceLocation)
  }

  /// A machine "m", and so many notifications of it that wait for a database that takes nothing.
  private func queueing(_ count: Int, within deadline: Duration? = nil) -> (World, [RequestID]) {
    let world = World([Self.roomy])
    world.start("m")
    world.database.holdsCommits = true
    return (world, (0..<count).map { _ in world.notify("m", within: deadline) })
  }

  @Test("Notifications that wait for a commit expire, or are cancelled")
  func notifications() {
    expectLinear { count in
      let (world, ids) = queueing(count, within: .milliseconds(1))
      let visits = Visits.count { world.now += .milliseconds(2) }
      #expect(ids.allSatisfy { world.replies[$0]?.error?.code == .deadlineExceeded })
      return visits
    }
    expectLinear { count in
      let (world, ids) = queueing(count)
      let visits = Visits.count { world.play(ids.map { .cancelled($0) }) }
      // They are on their way to the database: they count until it has them.
      #expect(world.statistics().requests == count)
      return visits
    }
  }

  @Test("A database that says again and again that it does not take a batch")
  func delays() {
    expectLinear { count in
      let (world, ids) = queueing(count)
      let batch = world.commits()[0]
      let visits = Visits.count {
        for _ in 0..<count { world.delay(batch) }
      }
      #expect(ids.allSatisfy { world.replies[$0]?.error?.reason == .storageUnavailable })
      return visits
    }
  }

  @Test("A batch is fenced while many other records wait")
  func fence() {
    let (world, ids) = queueing(4_000)
    let other = (0..<100).map { world.request(.start(args: [], key: nil), "other \($0)") }
    world.play(other.map { .request($0) })
    let batch = world.commits()[0]
    let fenced = Visits.count { world.fence(batch) }
    // The machine's own requests are its output.
    #expect(fenced <= 3 * ids.count)
    #expect(ids.allSatisfy { world.replies[$0]?.error?.reason == .notOwner })
    let statistics = world.statistics()
    #expect(statistics.requests == other.count)
  }

  @Test("All shards are lost with many machines in memory and many requests pending")
  func loss() {
    expectLinear { count in
      let world = World([Self.roomy]) { $0.shards = 8 }
      for number in 0..<count { world.start("m\(number)") }
      world.database.holdsCommits = true
      world.processor.holds = true
      for number in 0..<count / 4 {
        world.notify("m\(number)")
        world.call("m\(number)")
      }
      let visits = Visits.count { world.play([.shardsLost(world.shards)]) }
      #expect(world.statistics().machines == 0 && world.statistics().requests == 0)
      return visits
    }
  }

  @Test("One shard of many is lost")
  func lossOfOne() {
    let world = World { $0.shards = 64 }
    for number in 0..<3_000 { world.start("m\(number)") }
    let before = world.statistics().machines
    let visits = Visits.count { world.play([.shardsLost([ShardID(5)])]) }
    let gone = before - world.statistics().machines
    #expect(gone > 10 && gone < 300)
    #expect(visits <= 8 * gone)
  }

  /// A world in which a call of machine m does not end.
  private static func busyWorld() -> World {
    let world = World([roomy])
    world.start("m")
    world.processor.holds = true
    world.call("m")
    return world
  }

  @Test("Calls that wait on one machine reach their deadlines together")
  func deadlines() {
    expectLinear { count in
      let world = Self.busyWorld()
      for _ in 0..<count { world.call("m", within: .milliseconds(1)) }
      let visits = Visits.count { world.now += .milliseconds(2) }
      #expect(world.statistics().requests == 1)
      return visits
    }
  }

  @Test("Calls with keys wait on a machine that fails and is repaired again and again")
  func failures() {
    expectLinear { count in
      let world = Self.busyWorld()
      for number in 0..<count / 2 {
        world.call("m", key: "\(number)")
        world.ask(.simpleRepair, "m")
      }
      world.processor.answers(.unusable(message: "x"))
      let visits = Visits.count { world.release() }
      #expect(world.statistics().requests == 0)
      return visits
    }
  }

  @Test("The one whose reply many repeats wait for gets none, and each of them tries in turn")
  func waiters() {
    expectLinear { count in
      let world = World([Self.roomy])
      world.start("m")
      world.processor.holds = true
      let ids = (0..<count).map { _ in world.call("m", key: "k") }
      world.processor.answers(.lost(code: .unavailable, message: "x"))
      let visits = Visits.count { world.release() }
      #expect(ids.allSatisfy { world.replies[$0]?.error?.reason == .processorUnavailable })
      return visits
    }
  }

  @Test("Many ask for something else under a key before it is known whose it is")
  func mistaken() {
    expectLinear { count in
      let world = World([Self.roomy])
      world.start("m")
      world.database.holdsLoads = true
      world.processor.holds = true
      let owner = world.call("m", key: "k")
      let ids = (0..<count).map {
        world.call("m", args: [UInt8($0 % 256), UInt8($0 / 256), 1], key: "k")
      }
      let visits = Visits.count { world.answerLoads() }
      #expect(ids.allSatisfy { world.replies[$0]?.error?.reason == .invalidArgument })
      #expect(world.replies[owner] == nil)
      return visits
    }
  }

  @Test("Many wait until a namespace is quiet, and give up one after the other")
  func quiet() {
    expectLinear { count in
      let world = World([Self.roomy])
      world.processor.holds = true
      world.start("m")
      world.namespaces[0].pause = Pause(pausedAt: world.now.wall, reason: "")
      return Visits.count {
        for _ in 0..<count { world.cancel(world.ask(.awaitQuiet, "")) }
      }
    }
  }

  @Test("Steps leave the gate of their namespace from its middle")
  func gate() {
    expectLinear { count in
      let world = World([.named("n", limits: Limits(stepsInFlight: 1))])
      world.processor.holds = true
      for number in 0..<count {
        world.start("m\(number)", within: number % 3 == 1 ? .milliseconds(1) : nil)
      }
      return Visits.count { world.now += .milliseconds(2) }
    }
  }

  @Test("Idle machines are used again and again while others leave memory")
  func eviction() {
    expectLinear { count in
      let world = World { $0.residentBytes = 100 * 2_048 }
      for number in 0..<100 { world.start("used \(number)") }
      return Visits.count {
        for number in 0..<count {
          world.get("used \(number % 10)")
          world.start("m\(number)")
        }
      }
    }
  }

  /// What keeps machines that are due from having their turn.
  enum Hold: CaseIterable { case processor, database, pause }

  @Test(
    "Namespaces whose machines are due and have no turn cost a turn nothing",
    arguments: Hold.allCases)
  func crowds(hold: Hold) {
    func visits(_ count: Int) -> Int {
      let limits = Limits(stepsInFlight: 1)
      let world = World((0..<count).map { .named("n\($0)", limits: limits) })
      world.processor.answers(.timer(after: .seconds(1)))
      for namespace in world.namespaces {
        for id in ["a", "b", "c"] { world.start(id, in: namespace.name) }
      }
      world.processor.holds = true
      switch hold {
      case .processor: break
      case .database:
        world.database.holdsCommits = true
        world.notify("a", in: "n0")
        world.delay(world.database.heldCommits[0])
      case .pause:
        world.namespaces = world.namespaces.map {
          var paused = $0
          paused.pause = Pause(pausedAt: world.now.wall, reason: "")
          return paused
        }
      }
      world.now += .seconds(2)
      #expect(world.processor.held.count == (hold == .processor ? count : 0))
      let visits = Visits.count {
        for _ in 0..<100 { world.get("a", in: "n0") }
      }
      #expect(world.inconsistency() == nil)
      return visits
    }
    let (few, many) = (visits(20), visits(200))
    #expect(few <= 200 && many <= few + 20)
  }
}
