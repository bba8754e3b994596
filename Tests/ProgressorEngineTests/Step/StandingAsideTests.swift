import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("Steps that stand aside")
struct StandingAsideTests {
  private func world(
    _ ids: [String], limits: Limits = Limits(), budget: Int? = nil, bytes: Int = 1
  ) -> World {
    let world = World([.named("n", limits: limits)]) {
      if let budget { $0.historyBytes = budget }
      $0.residentBytes = 1 << 20
    }
    world.processor.answers(.event([UInt8](repeating: 1, count: bytes)))
    for id in ids { world.start(id) }
    world.database.holdsCommits = true
    return world
  }

  private func batch(_ world: World) throws -> CommitBatch {
    try #require(world.commits().first)
  }

  private func refuse(_ batch: CommitBatch, in world: World) {
    world.refuse(batch)
    #expect(world.inconsistency() == nil)
  }

  private func commit(_ batch: CommitBatch, in world: World) {
    world.commit(batch)
    #expect(world.inconsistency() == nil)
  }

  @Test("A step behind a notification that cannot be written takes no place of others")
  func behindNotification() throws {
    for isFirst in [true, false] {
      let world = world(["a", "b"], limits: Limits(stepsInFlight: 1))
      world.notify("a")
      let notification = try batch(world)
      // Before the notification is refused, or afterwards.
      if isFirst { world.call("a") }
      refuse(notification, in: world)
      if !isFirst { world.call("a") }
      let call = world.call("b")
      commit(try batch(world), in: world)
      #expect(world.replies[call] == .called(response: []))
      world.now += .seconds(1)
      let last = try batch(world)
      #expect(last.records.map(\.enqueued.count) == [1])
      commit(last, in: world)
      // The step that waited behind it, and then its delivery.
      for _ in 0..<2 {
        let batch = try batch(world)
        #expect(batch.records.map(\.machine.id) == ["a"])
        commit(batch, in: world)
      }
      #expect(world.statistics().recordsWaiting == 0)
    }
  }

  @Test("What becomes due behind a step that cannot be written takes no place of others")
  func due() throws {
    let world = world(["a", "b"], limits: Limits(stepsInFlight: 1))
    world.processor.answers(.timer(after: .seconds(2)))
    for id in ["a", "b"] {
      world.call(id)
      commit(try batch(world), in: world)
    }
    world.processor.answers(.event())
    world.call("a")
    world.now += .seconds(1)
    refuse(try batch(world), in: world)
    world.now += .seconds(1)
    #expect(world.statistics().namespaces[0].active <= 1)
    // Only the other machine's timeout has a place.
    var others = 0
    for _ in 0..<10 {
      for batch in world.commits() {
        if batch.records[0].machine.id == "b" { others += 1 }
        if batch.records[0].machine.id == "a" {
          refuse(batch, in: world)
        } else {
          commit(batch, in: world)
        }
      }
    }
    #expect(others == 1)
    #expect(world.statistics().namespaces[0].active == 0)
  }

  @Test("The bytes of an answer that cannot be written do not stop its namespace")
  func bytes() throws {
    let world = world(["a", "b"], budget: 0, bytes: 2_000)
    world.call("a")
    refuse(try batch(world), in: world)
    #expect(world.statistics().historyBytes == 0)
    #expect(world.statistics().asideBytes >= 2_000)
    for _ in 0..<3 {
      let call = world.call("b")
      commit(try batch(world), in: world)
      #expect(world.replies[call] == .called(response: []))
    }
    world.now += .seconds(1)
    commit(try batch(world), in: world)
    #expect(world.statistics().asideBytes == 0)
  }

  @Test("An answer that has no room beside those that are kept is given up, and asked for again")
  func room() throws {
    let world = world(["a", "b", "c"], budget: 96_000, bytes: 6_000)
    world.call("a")
    refuse(try batch(world), in: world)
    let call = world.call("b")
    refuse(try batch(world), in: world)
    #expect(world.statistics().heldMachines == 2)
    let third = world.call("c")
    refuse(try batch(world), in: world)
    #expect(world.statistics().heldMachines == 2)
    #expect(world.statistics().counts.answersGivenUp == 1)
    #expect(world.replies[third]?.error?.reason == .storageUnavailable)
    #expect(world.replies[call] == nil)
    // Its machine goes on when it can be written.
    let again = world.call("c")
    commit(try batch(world), in: world)
    #expect(world.replies[again] == .called(response: []))
  }

  @Test("What is given up behind a notification is not written with it")
  func givenUpBehind() throws {
    let world = world(["a", "b", "c"], budget: 96_000, bytes: 6_000)
    for id in ["a", "b"] {
      world.call(id)
      refuse(try batch(world), in: world)
    }
    world.notify("c")
    let notification = try batch(world)
    let before = world.call("c")
    refuse(notification, in: world)
    let after = world.call("c")
    for call in [before, after] {
      #expect(world.replies[call]?.error?.reason == .storageUnavailable)
    }
    var written: [String] = []
    while world.statistics().recordsWaiting > 0, written.count < 20 {
      guard let batch = world.commits().first else {
        world.now += .seconds(1)
        continue
      }
      written += batch.records.map { "\($0.machine.id) \($0.events.count)" }
      commit(batch, in: world)
    }
    #expect(written.filter { $0.hasPrefix("c") }.first == "c 0")
  }

  @Test("Notifications are kept as far as there is room")
  func notifications() throws {
    let ids = ["a", "b", "c"]
    let world = world(ids, budget: 96_000)
    for id in ids {
      let request = world.notify(id, args: [UInt8](repeating: 1, count: 6_000))
      refuse(try batch(world), in: world)
      #expect(world.replies[request]?.error?.reason == .storageUnavailable)
    }
    #expect(world.statistics().heldMachines == 2)
    #expect(world.statistics().asideBytes >= 12_000)
    world.now += .seconds(1)
    while let batch = world.commits().first { commit(batch, in: world) }
    #expect(world.statistics().heldMachines == 0)
    #expect(world.statistics().asideBytes == 0)
  }
}
