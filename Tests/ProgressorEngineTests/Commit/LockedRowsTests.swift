import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("Machines whose rows are locked")
struct LockedRowsTests {
  /// A world with these machines, whose commits are held back and whose processors answer with an
  /// event.
  private func world(_ ids: [String]) -> World {
    let world = World()
    world.processor.answers(.event())
    for id in ids { world.start(id) }
    world.database.holdsCommits = true
    return world
  }

  /// What a database with these rows locked says of a batch.
  private func answer(_ batch: CommitBatch, locked ids: Set<String>, in world: World) {
    let locked = Set(batch.records.map(\.machine).filter { ids.contains($0.id) })
    if locked.isEmpty { world.commit(batch) } else { world.refuse(batch, .locked(locked)) }
    // Of thousands that takes long.
    if ids.count < 400 { #expect(world.inconsistency() == nil) }
  }

  private func ids(_ batch: CommitBatch?) -> [String] { batch?.records.map(\.machine.id) ?? [] }

  /// The next batch has all that is asked here.
  private func fill(_ world: World, _ ask: () -> Void) throws {
    world.call("first")
    let first = try #require(world.commits().first)
    ask()
    world.commit(first)
  }

  @Test("They are set aside at once, and all others of their batch are written by the next one")
  func othersGoOn() throws {
    let locked = (0..<300).map { "locked\($0)" }
    let free = (0..<100).map { "free\($0)" }
    let world = world(locked + free + ["first"])
    var calls: [RequestID] = []
    try fill(world) {
      for id in locked { world.call(id) }
      for id in free { calls.append(world.call(id)) }
    }
    let all = try #require(world.commits().first)
    #expect(all.records.count == 400 && !all.expectsLocks)
    answer(all, locked: Set(locked), in: world)
    #expect(world.statistics().heldMachines == 300)
    let next = try #require(world.commits().first)
    #expect(ids(next) == free)
    // More that are locked may be among what comes soon: storage asks first.
    #expect(next.expectsLocks)
    answer(next, locked: Set(locked), in: world)
    #expect(calls.allSatisfy { world.replies[$0] == .called(response: []) })
    #expect(world.commits().isEmpty)
  }

  @Test("Of thousands each that is free again is written within seconds, whoever else is locked")
  func freed() throws {
    let names = (0..<3_000).map(String.init)
    let world = world(names + ["first"])
    try fill(world) { for id in names { world.call(id) } }
    var locked = Set(names)
    while let batch = world.commits().first { answer(batch, locked: locked, in: world) }
    #expect(world.statistics().heldMachines == 3_000)
    for id in ["7", "1500", "2999"] {
      locked.remove(id)
      world.now += .seconds(1)
      var (batches, isWritten) = (0, false)
      while let batch = world.commits().first {
        #expect(batch.expectsLocks)
        isWritten = isWritten || ids(batch) == [id]
        batches += 1
        answer(batch, locked: locked, in: world)
      }
      #expect(isWritten && batches == 7, "\(batches)")
    }
    #expect(world.statistics().heldMachines == 2_997)
    world.now += .seconds(1)
    while let batch = world.commits().first { answer(batch, locked: [], in: world) }
    #expect(world.statistics().heldMachines == 0)
    #expect(world.statistics().recordsWaiting == 0)
  }

  @Test("Questions have a quarter of the writer's time, and others their turn between two of them")
  func turns() throws {
    let names = (0..<1_000).map(String.init)
    let world = world(names + ["first", "other", "next"])
    try fill(world) { for id in names { world.call(id) } }
    while let batch = world.commits().first { answer(batch, locked: Set(names), in: world) }
    world.now += .seconds(1)
    let question = try #require(world.commits().first)
    #expect(question.records.count == 500)
    world.call("other")
    world.now += .seconds(1)
    answer(question, locked: Set(names), in: world)
    let other = try #require(world.commits().first)
    #expect(ids(other) == ["other"])
    answer(other, locked: [], in: world)
    world.now += .seconds(2)
    #expect(world.commits().isEmpty)
    world.now += .seconds(1)
    #expect(try #require(world.commits().first).records.count == 500)
  }

  @Test("Those that are known make nobody else ask, when none is new for a while")
  func expectation() throws {
    let world = world(["locked", "free"])
    world.call("locked")
    answer(try #require(world.commits().first), locked: ["locked"], in: world)
    world.call("free")
    var batch = try #require(world.commits().first)
    #expect(batch.expectsLocks)
    answer(batch, locked: [], in: world)
    for _ in 0..<10 {
      world.now += .seconds(1)
      batch = try #require(world.commits().first)
      #expect(ids(batch) == ["locked"] && batch.expectsLocks)
      answer(batch, locked: ["locked"], in: world)
    }
    world.call("free")
    #expect(try #require(world.commits().first).expectsLocks == false)
  }

  @Test("Where another row is locked they are tried apart, each alone in the end")
  func otherRows() throws {
    let names = (0..<20).map(String.init)
    let world = world(names + ["first"])
    try fill(world) { for id in names { world.call(id) } }
    answer(try #require(world.commits().first), locked: Set(names), in: world)
    world.now += .seconds(1)
    // The machines' rows are free by now; a notification's is not.
    var (tries, refusals) = (0, 0)
    while world.statistics().heldMachines > 1 {
      tries += 1
      guard tries < 100 else { break }
      guard let batch = world.commits().first else {
        world.now += .seconds(1)
        continue
      }
      if ids(batch).contains("13") {
        refusals += 1
        world.refuse(batch)
      } else {
        world.commit(batch)
      }
      #expect(world.inconsistency() == nil)
    }
    #expect(world.statistics().heldMachines == 1)
    #expect(refusals <= 4, "\(refusals)")
  }

  @Test("A refusal that names nobody of the batch is as if rows were locked that have no name")
  func nobody() throws {
    let world = world(["a", "b", "first"])
    try fill(world) { for id in ["a", "b"] { world.call(id) } }
    let batch = try #require(world.commits().first)
    let stranger: Set = [MachineID(namespace: "n", id: "stranger")]
    world.refuse(batch, .locked(stranger))
    #expect(ids(world.commits().first) == ["a"])
    #expect(world.inconsistency() == nil)
  }

  @Test("Notifications' callers hear so at once, and what is written of a machine keeps its order")
  func notifications() throws {
    let world = world(["m", "first"])
    var notifies: [RequestID] = []
    try fill(world) {
      for _ in 0..<3 { notifies.append(world.notify("m")) }
      world.call("m")
    }
    let refused = try #require(world.commits().first)
    #expect(refused.records.count == 4)
    answer(refused, locked: ["m"], in: world)
    #expect(notifies.allSatisfy { world.replies[$0] == .error(.storageUnavailable) })
    #expect(world.statistics().heldMachines == 1)
    world.now += .seconds(1)
    var sequences: [Int64] = []
    while let batch = world.commits().first {
      sequences += batch.records.flatMap { $0.enqueued.map(\.sequence) }
      answer(batch, locked: [], in: world)
      if world.statistics().recordsWaiting == 0 { break }
    }
    #expect(sequences.count == 3 && sequences == sequences.sorted())
    #expect(world.inconsistency() == nil)
  }

  @Test("A lost shard leaves nothing of them, nor of what waits behind them")
  func lostShard() throws {
    let world = world(["a", "b", "first"])
    try fill(world) {
      for id in ["a", "b"] {
        world.notify(id)
        world.call(id)
      }
    }
    answer(try #require(world.commits().first), locked: ["a"], in: world)
    world.play([.shardsLost([ShardID(0)])])
    if let batch = world.commits().first { answer(batch, locked: [], in: world) }
    world.now += .seconds(8)
    #expect(world.statistics().heldMachines == 0)
    #expect(world.statistics().recordsWaiting == 0)
    #expect(world.commits().isEmpty)
  }
}
