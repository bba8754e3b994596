import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("Steps that cannot be written now")
struct HeldRecordsTests {
  /// A world with these machines, whose commits are held back and whose processors answer with an
  /// event.
  private func world(_ ids: [String], limits: Limits = Limits()) -> World {
    let world = World([.named("n", limits: limits)])
    world.processor.answers(.event())
    for id in ids { world.start(id) }
    world.database.holdsCommits = true
    return world
  }

  /// The batch in flight.
  private func batch(_ world: World) -> CommitBatch? { world.commits().first }

  /// A call of each machine is answered by its processor and cannot be written.
  private func hold(_ ids: [String], in world: World, among count: Int? = nil) throws {
    for id in ids {
      world.call(id)
      world.refuse(try #require(batch(world)))
    }
    #expect(world.statistics().heldMachines == count ?? ids.count)
  }

  @Test("Each is tried when its own time has come, alone, and takes turns with everything else")
  func turns() throws {
    let world = world(["a", "b", "c", "free"])
    try hold(["a", "b", "c"], in: world)
    #expect(batch(world) == nil)
    world.now += .seconds(1)
    var tried = try #require(batch(world))
    #expect(tried.machines == ["a"])
    world.call("free")
    world.refuse(tried)
    tried = try #require(batch(world))
    #expect(tried.machines == ["free"])
    world.commit(tried)
    tried = try #require(batch(world))
    #expect(tried.machines == ["b"])
    // Where one can be written others may be, due or not.
    world.commit(tried)
    tried = try #require(batch(world))
    #expect(tried.machines == ["c", "a"])
    world.commit(tried)
    #expect(world.statistics().heldMachines == 0)
    #expect(world.statistics().recordsWaiting == 0)
  }

  @Test("Hundreds whose rows are free again are written by twice as many each time")
  func allFree() throws {
    let ids = (0..<300).map(String.init)
    let world = world(ids + ["free"])
    try hold(ids, in: world)
    // Most were tried often, and have a long pause.
    for _ in 0..<100 {
      world.now += .seconds(1)
      if let tried = batch(world) { world.refuse(tried) }
    }
    world.now += .seconds(8)
    var tries = 0
    while let tried = batch(world) {
      tries += 1
      // There is always something else.
      world.call("free")
      world.commit(tried)
      if world.statistics().heldMachines == 0 { break }
      let other = try #require(batch(world))
      #expect(other.machines == ["free"])
      world.commit(other)
    }
    #expect(world.statistics().heldMachines == 0)
    #expect(tries <= 10, "\(tries)")
    #expect(world.inconsistency() == nil)
  }

  @Test("One whose row stays locked is found among many that are free")
  func oneLocked() throws {
    let ids = (0..<64).map(String.init)
    let world = world(ids)
    try hold(ids, in: world)
    var (tries, refusals) = (0, 0)
    while world.statistics().heldMachines > 1, tries < 1_000 {
      guard let tried = batch(world) else {
        world.now += .seconds(1)
        continue
      }
      tries += 1
      if tried.machines.contains("40") {
        refusals += 1
        world.refuse(tried)
      } else {
        world.commit(tried)
      }
    }
    #expect(world.statistics().heldMachines == 1)
    #expect(tries <= 40 && refusals <= 8, "\(tries), \(refusals) in vain")
  }

  @Test("Many have the writer for a quarter of its time while that comes to nothing")
  func quarter() throws {
    let ids = (0..<20).map(String.init)
    let world = world(ids)
    try hold(ids, in: world)
    var (tries, seconds) = (0, 0)
    var tried: Set<String> = []
    while seconds < 400 {
      world.now += .seconds(1)
      seconds += 1
      guard let attempt = batch(world) else { continue }
      #expect(attempt.machines.count == 1)
      tried.formUnion(attempt.machines)
      tries += 1
      world.now += .seconds(1)
      seconds += 1
      world.refuse(attempt)
    }
    #expect(tries <= 101 && tries >= 75, "\(tries)")
    #expect(tried == Set(ids))
  }

  @Test("Four times as long as a try takes passes until the next, but no more than a minute")
  func share() throws {
    let world = world(["a"])
    try hold(["a"], in: world)
    world.now += .seconds(1)
    let tried = try #require(batch(world))
    world.now += .seconds(10)
    world.refuse(tried)
    world.now += .seconds(39)
    #expect(batch(world) == nil)
    world.now += .seconds(1)
    let again = try #require(batch(world))
    // The database was away for an hour meanwhile.
    world.now += .seconds(3_600)
    world.refuse(again)
    world.now += .seconds(59)
    #expect(batch(world) == nil)
    world.now += .seconds(1)
    #expect(try #require(batch(world)).machines == ["a"])
  }

  @Test("No notification is taken that would wait behind such a step without a bound (I10)")
  func notifications() throws {
    let world = world(["a", "free"])
    try hold(["a"], in: world)
    let refused = world.notify("a", args: [1])
    #expect(world.replies[refused] == .error(.storageUnavailable))
    world.notify("free", args: [1])
    #expect(try #require(batch(world)).machines == ["free"])
  }

  @Test("The pauses grow no longer than eight seconds")
  func pauses() throws {
    let world = world(["a"])
    try hold(["a"], in: world)
    for _ in 0..<20 {
      world.now += .seconds(8)
      world.refuse(try #require(batch(world)))
    }
  }

  @Test("A machine's failure that cannot be written is tried again, and its processor is not asked")
  func failure() throws {
    let world = world(["a"])
    let call = world.call("a")
    // The step, and then its failure with its record.
    for _ in 0..<2 { world.refuse(try #require(batch(world)), .contents) }
    world.processor.holds = true
    for _ in 0..<5 {
      let failing = try #require(batch(world))
      #expect(failing.machines == ["a"])
      world.refuse(failing, .contents)
      world.now += .seconds(8)
    }
    #expect(world.processor.held.isEmpty)
    world.commit(try #require(batch(world)))
    #expect(world.replies[call]?.error?.reason == .machineFailed)
  }

  @Test("They take no places of steps that run, unless they are as many as those")
  func gate() throws {
    let world = world(["a", "b", "free"], limits: Limits(stepsInFlight: 1))
    try hold(["a"], in: world)
    let call = world.call("free")
    world.commit(try #require(batch(world)))
    #expect(world.replies[call] == .called(response: []))
    try hold(["b"], in: world, among: 2)
    world.call("free")
    #expect(batch(world) == nil)
    // Once one of them is written there is room for another.
    world.now += .seconds(1)
    world.commit(try #require(batch(world)))
    let machines = [try #require(batch(world)).machines]
    #expect(machines == [["b"]] || machines == [["free"]])
  }

  @Test("A lost shard leaves nothing of them, nor of what waits behind them")
  func lostShard() throws {
    let world = world(["a", "b"])
    world.call("a")
    let tried = try #require(batch(world))
    for _ in 0..<10 { world.notify("a") }
    world.refuse(tried)
    try hold(["b"], in: world, among: 2)
    #expect(world.statistics().recordsWaiting == 12)
    world.play([.shardsLost(world.shards)])
    world.now += .seconds(8)
    #expect(world.statistics().heldMachines == 0)
    #expect(world.statistics().recordsWaiting == 0)
    #expect(batch(world) == nil)
  }

  @Test("A key is kept for its time from when it is written on")
  func keys() throws {
    let world = world(["a"])
    world.call("a", key: "k")
    var tried = try #require(world.commits().first)
    let first = try #require(tried.records[0].idempotency?.expiresAt)
    world.refuse(tried)
    world.now += .seconds(3_600)
    tried = try #require(world.commits().first)
    #expect(
      tried.records[0].idempotency?.expiresAt
        == first.advanced(byMicroseconds: 3_600_000_000))
  }

  @Test("A failure that cannot be written is given up for whoever removes the machine")
  func removal() throws {
    let world = world(["a"])
    let call = world.call("a")
    for _ in 0..<3 { world.refuse(try #require(batch(world)), .contents) }
    let removal = world.remove("a")
    world.now += .seconds(1)
    world.refuse(try #require(batch(world)), .contents)
    #expect(world.replies[call]?.error?.code == .internal)
    let last = try #require(world.commits().first)
    #expect(last.records.map(\.row) == [.delete(expectedVersion: 1)])
    world.commit(last)
    #expect(world.replies[removal] == .removed)
    #expect(world.inconsistency() == nil)
  }
}
