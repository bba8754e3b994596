import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("Batches that are refused")
struct RefusedBatchTests {
  private func world(_ ids: [String]) -> World {
    let world = World()
    world.processor.answers(.event())
    for id in ids { world.start(id) }
    world.database.holdsCommits = true
    return world
  }

  private func batch(_ world: World) throws -> CommitBatch {
    try #require(world.commits().first)
  }

  /// The next batch has all that is asked here.
  private func fill(_ world: World, _ ask: () -> Void) throws {
    world.call("first")
    let first = try batch(world)
    ask()
    world.commit(first)
  }

  @Test("Its parts take turns with what comes meanwhile, and have half of the writer's time")
  func parts() throws {
    let ids = (0..<32).map(String.init)
    let world = world(ids + ["first", "other", "next"])
    try fill(world) { for id in ids { world.call(id) } }
    var tried = try batch(world)
    #expect(tried.machines == ids)
    world.refuse(tried)
    tried = try batch(world)
    #expect(tried.machines == Array(ids[..<2]))
    world.call("other")
    world.now += .seconds(1)
    world.refuse(tried)
    // For as long as that took.
    for (id, following) in [("other", "next"), ("next", "other")] {
      tried = try batch(world)
      #expect(tried.machines == [id])
      world.call(following)
      world.now += .milliseconds(500)
      world.commit(tried)
    }
    tried = try batch(world)
    #expect(tried.machines == Array(ids[2..<4]))
    world.commit(tried)
  }

  @Test("Parts go on at once while nothing else waits, until what is at fault stands alone")
  func isolation() throws {
    let ids = (0..<100).map(String.init)
    let world = world(ids + ["first"])
    try fill(world) { for id in ids { world.call(id) } }
    var (tries, refusals) = (0, 0)
    while let tried = world.commits().first {
      tries += 1
      world.now += .seconds(1)
      if tried.records.contains(where: { $0.machine.id == "33" }) {
        refusals += 1
        world.refuse(tried)
      } else {
        world.commit(tried)
      }
      #expect(world.inconsistency() == nil)
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
        world.notify("a")
        world.notify("b")
      }
      world.call("a")
    }
    var tried = try batch(world)
    #expect(tried.records.count == 7)
    world.refuse(tried)
    // More of it, that comes meanwhile.
    world.notify("a")
    var written: [String: [Int64]] = [:]
    while true {
      tried = try batch(world)
      for record in tried.records {
        written[record.machine.id, default: []] += record.enqueued.map(\.sequence)
      }
      world.commit(tried)
      if world.statistics().recordsWaiting == 0 { break }
    }
    for (id, sequences) in written where id != "first" {
      #expect(sequences == sequences.sorted())
      #expect(sequences.count == (id == "a" ? 4 : 3))
    }
    #expect(world.inconsistency() == nil)
  }

  @Test("Nothing of a machine that is let go is tried")
  func lostShard() throws {
    let ids = (0..<40).map(String.init)
    let world = world(ids + ["first"])
    try fill(world) { for id in ids { world.call(id) } }
    world.refuse(try batch(world))
    let half = try batch(world)
    world.play([.shardsLost(world.shards)])
    world.refuse(half)
    #expect(world.statistics().recordsWaiting == 0)
    #expect(world.commits().isEmpty)
    #expect(world.inconsistency() == nil)
  }

  @Test("A due time that counted a notification which is never written is put right")
  func settles() throws {
    let world = world(["m", "first"])
    try fill(world) {
      world.notify("m")
      world.call("m")
    }
    var dueTimes: [Timestamp?] = []
    while let batch = world.commits().first {
      guard batch.records.allSatisfy(\.enqueued.isEmpty) else {
        world.refuse(batch, .contents)
        continue
      }
      for record in batch.records {
        switch record.row {
        case .update(let row, _), .pause(let row): dueTimes.append(row.due)
        default: Issue.record("\(record.row)")
        }
      }
      world.commit(batch)
    }
    #expect(dueTimes == [world.now.wall, nil])
    #expect(world.inconsistency() == nil)
  }
}
