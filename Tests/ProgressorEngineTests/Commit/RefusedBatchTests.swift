import MachineModel
import Testing

@testable import ProgressorEngine

@Suite("Batches that are refused")
struct RefusedBatchTests {
  private static let call = ProgressorEngine.Operation.call(args: [], range: nil, key: nil)
  private static let notify = ProgressorEngine.Operation.notify(args: [], range: nil, key: nil)
  private static let second: Int64 = 1_000_000

  private func world(_ ids: [String]) -> EngineWorld {
    let world = EngineWorld()
    world.answer = { _ in
      .answered(ProcessorAnswer(change: StateChange(events: [Content(data: [1])])))
    }
    for id in ids { world.ask(.start(args: [], key: nil), id) }
    world.holdsCommits = true
    return world
  }

  private func batch(_ world: EngineWorld) throws -> (id: BatchID, machines: [String]) {
    try #require(world.takeCommits().first.map { ($0.id, $0.records.map(\.machine.id)) })
  }

  private func refuse(
    _ id: BatchID, _ fault: CommitRefusal.Fault = .overdue, in world: EngineWorld
  ) {
    world.play([.refused(id, CommitRefusal(fault, code: "55P03", message: "no"))])
  }

  /// The next batch has all that is asked here.
  private func fill(_ world: EngineWorld, _ ask: () -> Void) throws {
    world.ask(Self.call, "first")
    let first = try batch(world)
    ask()
    world.play([.committed(first.id)])
  }

  @Test("Its parts take turns with what comes meanwhile, and have half of the writer's time")
  func parts() throws {
    let ids = (0..<32).map(String.init)
    let world = world(ids + ["first", "other", "next"])
    try fill(world) { for id in ids { world.ask(Self.call, id) } }
    var tried = try batch(world)
    #expect(tried.machines == ids)
    refuse(tried.id, in: world)
    tried = try batch(world)
    #expect(tried.machines == Array(ids[..<2]))
    world.ask(Self.call, "other")
    world.pass(microseconds: Self.second)
    refuse(tried.id, in: world)
    // For as long as that took.
    for (id, following) in [("other", "next"), ("next", "other")] {
      tried = try batch(world)
      #expect(tried.machines == [id])
      world.ask(Self.call, following)
      world.pass(microseconds: Self.second / 2)
      world.play([.committed(tried.id)])
    }
    tried = try batch(world)
    #expect(tried.machines == Array(ids[2..<4]))
    world.play([.committed(tried.id)])
  }

  @Test("Parts go on at once while nothing else waits, until what is at fault stands alone")
  func isolation() throws {
    let ids = (0..<100).map(String.init)
    let world = world(ids + ["first"])
    try fill(world) { for id in ids { world.ask(Self.call, id) } }
    var (tries, refusals) = (0, 0)
    while let tried = world.takeCommits().first {
      tries += 1
      world.pass(microseconds: Self.second)
      if tried.records.contains(where: { $0.machine.id == "33" }) {
        refusals += 1
        refuse(tried.id, in: world)
      } else {
        world.play([.committed(tried.id)])
      }
      #expect(world.engine.inconsistency() == nil)
      if world.statistics().heldMachines == 1, world.statistics().recordsWaiting == 1 { break }
    }
    #expect(refusals == 3 && tries <= 30, "\(tries)")
    #expect(world.statistics().heldMachines == 1)
  }

  @Test("What is to be written of one machine keeps its order, however it is split")
  func order() throws {
    let world = world(["first", "a", "b"])
    try fill(world) {
      for _ in 0..<3 {
        world.ask(Self.notify, "a")
        world.ask(Self.notify, "b")
      }
      world.ask(Self.call, "a")
    }
    var tried = try #require(world.takeCommits().first)
    #expect(tried.records.count == 7)
    refuse(tried.id, in: world)
    // More of it, that comes meanwhile.
    world.ask(Self.notify, "a")
    var written: [String: [Int64]] = [:]
    while true {
      tried = try #require(world.takeCommits().first)
      for record in tried.records {
        written[record.machine.id, default: []] += record.enqueued.map(\.sequence)
      }
      world.play([.committed(tried.id)])
      if world.statistics().recordsWaiting == 0 { break }
    }
    for (id, sequences) in written where id != "first" {
      #expect(sequences == sequences.sorted())
      #expect(sequences.count == (id == "a" ? 4 : 3))
    }
    #expect(world.engine.inconsistency() == nil)
  }

  @Test("Nothing of a machine that is let go is tried")
  func lostShard() throws {
    let ids = (0..<40).map(String.init)
    let world = world(ids + ["first"])
    try fill(world) { for id in ids { world.ask(Self.call, id) } }
    refuse(try batch(world).id, in: world)
    let half = try batch(world)
    world.play([.shardsLost([ShardID(0)])])
    refuse(half.id, in: world)
    #expect(world.statistics().recordsWaiting == 0)
    #expect(world.takeCommits().isEmpty)
    #expect(world.engine.inconsistency() == nil)
  }

  @Test("A due time that counted a notification which is never written is put right")
  func settles() throws {
    let world = world(["m", "first"])
    try fill(world) {
      world.ask(Self.notify, "m")
      world.ask(Self.call, "m")
    }
    var dueTimes: [Timestamp?] = []
    while let batch = world.takeCommits().first {
      guard batch.records.allSatisfy(\.enqueued.isEmpty) else {
        refuse(batch.id, .contents, in: world)
        continue
      }
      for record in batch.records {
        switch record.row {
        case .update(let row, _), .pause(let row): dueTimes.append(row.due)
        default: Issue.record("\(record.row)")
        }
      }
      world.play([.committed(batch.id)])
    }
    #expect(dueTimes == [world.now.wall, nil])
    #expect(world.engine.inconsistency() == nil)
  }
}
