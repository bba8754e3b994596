import MachineModel
import Testing

@testable import ProgressorEngine

@Suite("Steps that cannot be written now")
struct HeldRecordsTests {
  private static let call = Operation.call(args: [], range: nil, key: nil)
  private static let second: Int64 = 1_000_000

  /// A world with these machines, whose commits are held back and whose processors answer with an
  /// event.
  private func world(_ ids: [String], limits: Limits = Limits()) -> EngineWorld {
    let world = EngineWorld([EngineWorld.namespace("n", limits: limits)])
    world.answer = { _ in
      .answered(ProcessorAnswer(change: StateChange(events: [Content(data: [1])])))
    }
    for id in ids { world.ask(.start(args: [], key: nil), id) }
    world.holdsCommits = true
    return world
  }

  /// The batch in flight, by the names of its machines.
  private func batch(_ world: EngineWorld) -> (id: BatchID, machines: [String])? {
    world.takeCommits().first.map { ($0.id, $0.records.map(\.machine.id)) }
  }

  private func refuse(
    _ id: BatchID, _ fault: CommitRefusal.Fault = .overdue, in world: EngineWorld
  ) {
    world.play([.refused(id, CommitRefusal(fault, code: "55P03", message: "no"))])
  }

  /// A call of each machine is answered by its processor and cannot be written.
  private func hold(_ ids: [String], in world: EngineWorld, among count: Int? = nil) throws {
    for id in ids {
      world.ask(Self.call, id)
      refuse(try #require(batch(world)).id, in: world)
    }
    #expect(world.statistics().heldMachines == count ?? ids.count)
  }

  @Test("Each is tried when its own time has come, alone, and takes turns with everything else")
  func turns() throws {
    let world = world(["a", "b", "c", "free"])
    try hold(["a", "b", "c"], in: world)
    #expect(batch(world) == nil)
    world.pass(microseconds: Self.second)
    var tried = try #require(batch(world))
    #expect(tried.machines == ["a"])
    world.ask(Self.call, "free")
    refuse(tried.id, in: world)
    tried = try #require(batch(world))
    #expect(tried.machines == ["free"])
    world.play([.committed(tried.id)])
    tried = try #require(batch(world))
    #expect(tried.machines == ["b"])
    // Where one can be written others may be, due or not.
    world.play([.committed(tried.id)])
    tried = try #require(batch(world))
    #expect(tried.machines == ["c", "a"])
    world.play([.committed(tried.id)])
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
      world.pass(microseconds: Self.second)
      if let tried = batch(world) { refuse(tried.id, in: world) }
    }
    world.pass(microseconds: 8 * Self.second)
    var tries = 0
    while let tried = batch(world) {
      tries += 1
      // There is always something else.
      world.ask(Self.call, "free")
      world.play([.committed(tried.id)])
      if world.statistics().heldMachines == 0 { break }
      let other = try #require(batch(world))
      #expect(other.machines == ["free"])
      world.play([.committed(other.id)])
    }
    #expect(world.statistics().heldMachines == 0)
    #expect(tries <= 10, "\(tries)")
    #expect(world.engine.inconsistency() == nil)
  }

  @Test("One whose row stays locked is found among many that are free")
  func oneLocked() throws {
    let ids = (0..<64).map(String.init)
    let world = world(ids)
    try hold(ids, in: world)
    var (tries, refusals) = (0, 0)
    while world.statistics().heldMachines > 1, tries < 1_000 {
      guard let tried = batch(world) else {
        world.pass(microseconds: Self.second)
        continue
      }
      tries += 1
      if tried.machines.contains("40") {
        refusals += 1
        refuse(tried.id, in: world)
      } else {
        world.play([.committed(tried.id)])
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
      world.pass(microseconds: Self.second)
      seconds += 1
      guard let attempt = batch(world) else { continue }
      #expect(attempt.machines.count == 1)
      tried.formUnion(attempt.machines)
      tries += 1
      world.pass(microseconds: Self.second)
      seconds += 1
      refuse(attempt.id, in: world)
    }
    #expect(tries <= 101 && tries >= 75, "\(tries)")
    #expect(tried == Set(ids))
  }

  @Test("Four times as long as a try takes passes until the next, but no more than a minute")
  func share() throws {
    let world = world(["a"])
    try hold(["a"], in: world)
    world.pass(microseconds: Self.second)
    let tried = try #require(batch(world))
    world.pass(microseconds: 10 * Self.second)
    refuse(tried.id, in: world)
    world.pass(microseconds: 39 * Self.second)
    #expect(batch(world) == nil)
    world.pass(microseconds: Self.second)
    let again = try #require(batch(world))
    // The database was away for an hour meanwhile.
    world.pass(microseconds: 3_600 * Self.second)
    refuse(again.id, in: world)
    world.pass(microseconds: 59 * Self.second)
    #expect(batch(world) == nil)
    world.pass(microseconds: Self.second)
    #expect(try #require(batch(world)).machines == ["a"])
  }

  @Test("No notification is taken that would wait behind such a step without a bound (I10)")
  func notifications() throws {
    let world = world(["a", "free"])
    try hold(["a"], in: world)
    let notify = Operation.notify(args: [1], range: nil, key: nil)
    let refused = world.ask(notify, "a")
    #expect(world.replies[refused] == .error(.storageUnavailable))
    world.ask(notify, "free")
    #expect(try #require(batch(world)).machines == ["free"])
  }

  @Test("The pauses grow no longer than eight seconds")
  func pauses() throws {
    let world = world(["a"])
    try hold(["a"], in: world)
    for _ in 0..<20 {
      world.pass(microseconds: 8 * Self.second)
      refuse(try #require(batch(world)).id, in: world)
    }
  }

  @Test("A machine's failure that cannot be written is tried again, and its processor is not asked")
  func failure() throws {
    let world = world(["a"])
    let call = world.ask(Self.call, "a")
    refuse(try #require(batch(world)).id, .contents, in: world)
    world.holdsCalls = true
    for _ in 0..<5 {
      let failing = try #require(batch(world))
      #expect(failing.machines == ["a"])
      refuse(failing.id, .contents, in: world)
      world.pass(microseconds: 8 * Self.second)
    }
    #expect(world.calls.isEmpty)
    world.play([.committed(try #require(batch(world)).id)])
    #expect(world.replies[call]?.error?.reason == .machineFailed)
  }

  @Test("They take no places of steps that run, unless they are as many as those")
  func gate() throws {
    let world = world(["a", "b", "free"], limits: Limits(stepsInFlight: 1))
    try hold(["a"], in: world)
    let call = world.ask(Self.call, "free")
    world.play([.committed(try #require(batch(world)).id)])
    #expect(world.replies[call] == .called(response: []))
    try hold(["b"], in: world, among: 2)
    world.ask(Self.call, "free")
    #expect(batch(world) == nil)
    // Once one of them is written there is room for another.
    world.pass(microseconds: Self.second)
    world.play([.committed(try #require(batch(world)).id)])
    let machines = [try #require(batch(world)).machines]
    #expect(machines == [["b"]] || machines == [["free"]])
  }

  @Test("A lost shard leaves nothing of them, nor of what waits behind them")
  func lostShard() throws {
    let world = world(["a", "b"])
    world.ask(Self.call, "a")
    let tried = try #require(batch(world))
    for _ in 0..<10 { world.ask(.notify(args: [], range: nil, key: nil), "a") }
    refuse(tried.id, in: world)
    try hold(["b"], in: world, among: 2)
    #expect(world.statistics().recordsWaiting == 12)
    world.play([.shardsLost([ShardID(0)])])
    world.pass(microseconds: 8 * Self.second)
    #expect(world.statistics().heldMachines == 0)
    #expect(world.statistics().recordsWaiting == 0)
    #expect(batch(world) == nil)
  }

  @Test("A key is kept for its time from when it is written on")
  func keys() throws {
    let world = world(["a"])
    world.ask(.call(args: [], range: nil, key: "k"), "a")
    var tried = try #require(world.takeCommits().first)
    let first = try #require(tried.records[0].idempotency?.expiresAt)
    refuse(tried.id, in: world)
    world.pass(microseconds: 3_600 * Self.second)
    tried = try #require(world.takeCommits().first)
    #expect(
      tried.records[0].idempotency?.expiresAt
        == first.advanced(byMicroseconds: 3_600 * Self.second))
  }

  @Test("A failure that cannot be written is given up for whoever removes the machine")
  func removal() throws {
    let world = world(["a"])
    let call = world.ask(Self.call, "a")
    for _ in 0..<2 { refuse(try #require(batch(world)).id, .contents, in: world) }
    let removal = world.ask(.remove, "a")
    world.pass(microseconds: Self.second)
    refuse(try #require(batch(world)).id, .contents, in: world)
    #expect(world.replies[call]?.error?.code == .internal)
    let last = try #require(world.takeCommits().first)
    #expect(last.records.map(\.row) == [.delete(expectedVersion: 1)])
    world.play([.committed(last.id)])
    #expect(world.replies[removal] == .removed)
    #expect(world.engine.inconsistency() == nil)
  }
}
