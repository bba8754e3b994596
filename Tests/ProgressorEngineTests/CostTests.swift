import MachineModel
import Testing

@testable import ProgressorEngine

/// What a turn goes through one by one is in proportion to what it takes in and puts out, however
/// much lies in memory. Counted, not timed: see ``Visits``.
@Suite("Costs of a turn")
struct CostTests {
  private static let roomy = EngineWorld.namespace(
    "n", limits: Limits(mailbox: 1_000_000, notifications: 1_000_000))

  private static let start = ProgressorEngine.Operation.start(args: [], key: nil)
  private static let notify = ProgressorEngine.Operation.notify(args: [], range: nil, key: nil)

  private static func call(_ args: [UInt8] = [], key: String? = nil) -> ProgressorEngine.Operation {
    .call(args: args, range: nil, key: key)
  }

  /// Ten times as much costs at most about ten times as much, and each a few visits.
  private func expectLinear(
    _ visits: (_ load: Int) -> Int, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let (few, many) = (visits(400), visits(4_000))
    #expect(few <= 400 * 8 + 500, sourceLocation: sourceLocation)
    #expect(many <= 4_000 * 8 + 500, sourceLocation: sourceLocation)
  }

  /// A machine "m", and so many notifications of it that wait for a database that takes nothing.
  private func queueing(_ count: Int, deadline: Int64 = .max) -> (EngineWorld, [RequestID]) {
    let world = EngineWorld([Self.roomy])
    world.ask(Self.start, "m")
    world.holdsCommits = true
    return (world, (0..<count).map { _ in world.ask(Self.notify, "m", deadline: deadline) })
  }

  @Test("Notifications that wait for a commit expire, or are cancelled")
  func notifications() {
    expectLinear { count in
      let (world, ids) = queueing(count, deadline: 1_000)
      let visits = Visits.count { world.pass(microseconds: 2_000) }
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
      let batch = world.takeCommits()[0].id
      let visits = Visits.count {
        for _ in 0..<count { world.play([.commitDelayed(batch)]) }
      }
      #expect(ids.allSatisfy { world.replies[$0]?.error?.reason == .storageUnavailable })
      return visits
    }
  }

  @Test("A batch is fenced while many other records wait")
  func fence() {
    let (world, ids) = queueing(4_000)
    let other = (0..<100).map { world.make(Self.start, "other \($0)") }
    world.play(other.map { .request($0) })
    let batch = world.takeCommits()[0]
    let fenced = Visits.count { world.play([.fenced(batch.id)]) }
    // The machine's own requests are its output.
    #expect(fenced <= 3 * ids.count)
    #expect(ids.allSatisfy { world.replies[$0]?.error?.reason == .notOwner })
    let statistics = world.statistics()
    #expect(statistics.requests == other.count)
  }

  @Test("All shards are lost with many machines in memory and many requests pending")
  func loss() {
    expectLinear { count in
      let world = EngineWorld([Self.roomy]) { $0.shards = 8 }
      for number in 0..<count { world.ask(Self.start, "m\(number)") }
      world.holdsCommits = true
      world.holdsCalls = true
      for number in 0..<count / 4 {
        world.ask(Self.notify, "m\(number)")
        world.ask(Self.call(), "m\(number)")
      }
      let visits = Visits.count { world.play([.shardsLost((0..<8).map { ShardID($0) })]) }
      #expect(world.statistics().machines == 0 && world.statistics().requests == 0)
      return visits
    }
  }

  @Test("One shard of many is lost")
  func lossOfOne() {
    let world = EngineWorld { $0.shards = 64 }
    for number in 0..<3_000 { world.ask(Self.start, "m\(number)") }
    let before = world.statistics().machines
    let visits = Visits.count { world.play([.shardsLost([ShardID(5)])]) }
    let gone = before - world.statistics().machines
    #expect(gone > 10 && gone < 300)
    #expect(visits <= 8 * gone)
  }

  /// A world in which a call of machine m does not end.
  private static func busyWorld() -> EngineWorld {
    let world = EngineWorld([roomy])
    world.ask(start, "m")
    world.holdsCalls = true
    world.ask(call(), "m")
    return world
  }

  @Test("Calls that wait on one machine reach their deadlines together")
  func deadlines() {
    expectLinear { count in
      let world = Self.busyWorld()
      for _ in 0..<count { world.ask(Self.call(), "m", deadline: 1_000) }
      let visits = Visits.count { world.pass(microseconds: 2_000) }
      #expect(world.statistics().requests == 1)
      return visits
    }
  }

  @Test("Calls with keys wait on a machine that fails and is repaired again and again")
  func failures() {
    expectLinear { count in
      let world = Self.busyWorld()
      for number in 0..<count / 2 {
        world.ask(Self.call(key: "\(number)"), "m")
        world.ask(.simpleRepair, "m")
      }
      world.answer = { _ in .unusable(message: "x") }
      let visits = Visits.count { world.release() }
      #expect(world.statistics().requests == 0)
      return visits
    }
  }

  @Test("The one whose reply many repeats wait for gets none, and each of them tries in turn")
  func waiters() {
    expectLinear { count in
      let world = EngineWorld([Self.roomy])
      world.ask(Self.start, "m")
      world.holdsCalls = true
      let ids = (0..<count).map { _ in world.ask(Self.call(key: "k"), "m") }
      world.answer = { _ in .lost(code: .unavailable, message: "x") }
      let visits = Visits.count { world.release() }
      #expect(ids.allSatisfy { world.replies[$0]?.error?.reason == .processorUnavailable })
      return visits
    }
  }

  @Test("Many ask for something else under a key before it is known whose it is")
  func mistaken() {
    expectLinear { count in
      let world = EngineWorld([Self.roomy])
      world.ask(Self.start, "m")
      world.holdsLoads = true
      world.holdsCalls = true
      let owner = world.ask(Self.call(key: "k"), "m")
      let ids = (0..<count).map {
        world.ask(Self.call([UInt8($0 % 256), UInt8($0 / 256), 1], key: "k"), "m")
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
      let world = EngineWorld([Self.roomy])
      world.holdsCalls = true
      world.ask(Self.start, "m")
      var paused = Self.roomy
      paused.pause = Pause(pausedAt: world.now.wall, reason: "")
      world.play([
        .namespacesChanged([NamespaceRecord(number: NamespaceNumber(1), namespace: paused)])
      ])
      return Visits.count {
        for _ in 0..<count { world.play([.cancelled(world.ask(.awaitQuiet, ""))]) }
      }
    }
  }

  @Test("Steps leave the gate of their namespace from its middle")
  func gate() {
    expectLinear { count in
      let world = EngineWorld([EngineWorld.namespace("n", limits: Limits(stepsInFlight: 1))])
      world.holdsCalls = true
      for number in 0..<count {
        world.ask(Self.start, "m\(number)", deadline: number % 3 == 1 ? 1_000 : .max)
      }
      return Visits.count { world.pass(microseconds: 2_000) }
    }
  }

  @Test("Idle machines are used again and again while others leave memory")
  func eviction() {
    expectLinear { count in
      let world = EngineWorld { $0.residentBytes = 100 * 2_048 }
      for number in 0..<100 { world.ask(Self.start, "used \(number)") }
      return Visits.count {
        for number in 0..<count {
          world.ask(.get(range: nil), "used \(number % 10)")
          world.ask(Self.start, "m\(number)")
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
      var namespaces = (0..<count).map { EngineWorld.namespace("n\($0)", limits: limits) }
      let world = EngineWorld(namespaces)
      var answer = ProcessorAnswer()
      answer.action.timer = .set(TimerSetting(when: .timeout(microseconds: 1_000_000)))
      world.answer = { _ in .answered(answer) }
      for namespace in namespaces {
        for id in ["a", "b", "c"] { world.ask(Self.start, id, in: namespace.name) }
      }
      world.holdsCalls = true
      switch hold {
      case .processor: break
      case .database:
        world.holdsCommits = true
        world.ask(Self.notify, "a", in: "n0")
        world.play([.commitDelayed(world.commits[0].id)])
      case .pause:
        for index in namespaces.indices {
          namespaces[index].pause = Pause(pausedAt: world.now.wall, reason: "")
        }
        world.play([
          .namespacesChanged(
            namespaces.enumerated().map { index, namespace in
              NamespaceRecord(number: NamespaceNumber(Int32(index + 1)), namespace: namespace)
            })
        ])
      }
      world.pass(microseconds: 2_000_000)
      #expect(world.calls.count == (hold == .processor ? count : 0))
      let visits = Visits.count {
        for _ in 0..<100 { world.ask(.get(range: nil), "a", in: "n0") }
      }
      #expect(world.engine.inconsistency() == nil)
      return visits
    }
    let (few, many) = (visits(20), visits(200))
    #expect(few <= 200 && many <= few + 20)
  }
}
