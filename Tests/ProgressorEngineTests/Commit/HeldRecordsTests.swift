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

  @Test("They are tried in turns, alone, with pauses, and take turns with everything else")
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
    #expect(batch(world) == nil)
    world.pass(microseconds: 2 * Self.second)
    tried = try #require(batch(world))
    #expect(tried.machines == ["b"])
    // Where one can be written others may be.
    world.play([.committed(tried.id)])
    tried = try #require(batch(world))
    #expect(tried.machines == ["c"])
    world.play([.committed(tried.id)])
    tried = try #require(batch(world))
    #expect(tried.machines == ["a"])
    world.play([.committed(tried.id)])
    #expect(world.statistics().heldMachines == 0)
    #expect(world.statistics().recordsWaiting == 0)
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
}
