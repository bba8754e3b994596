import MachineModel
import Testing

@testable import ProgressorEngine

@Suite("Steps that stand aside")
struct StandingAsideTests {
  private static let call = ProgressorEngine.Operation.call(args: [], range: nil, key: nil)
  private static let notify = ProgressorEngine.Operation.notify(args: [], range: nil, key: nil)
  private static let second: Int64 = 1_000_000

  private func world(
    _ ids: [String], limits: Limits = Limits(), budget: Int? = nil, bytes: Int = 1
  ) -> EngineWorld {
    let world = EngineWorld([EngineWorld.namespace("n", limits: limits)]) {
      if let budget { $0.historyBytes = budget }
      $0.residentBytes = 1 << 20
    }
    let body = Content(data: [UInt8](repeating: 1, count: bytes))
    world.answer = { _ in .answered(ProcessorAnswer(change: StateChange(events: [body]))) }
    for id in ids { world.ask(.start(args: [], key: nil), id) }
    world.holdsCommits = true
    return world
  }

  private func batch(_ world: EngineWorld) throws -> CommitBatch {
    try #require(world.takeCommits().first)
  }

  private func refuse(_ batch: CommitBatch, in world: EngineWorld) {
    world.play([.refused(batch.id, CommitRefusal(.overdue, code: "55P03", message: "no"))])
    #expect(world.engine.inconsistency() == nil)
  }

  private func commit(_ batch: CommitBatch, in world: EngineWorld) {
    world.play([.committed(batch.id)])
    #expect(world.engine.inconsistency() == nil)
  }

  @Test("A step behind a notification that cannot be written takes no place of others")
  func behindNotification() throws {
    for isFirst in [true, false] {
      let world = world(["a", "b"], limits: Limits(stepsInFlight: 1))
      world.ask(Self.notify, "a")
      let notification = try batch(world)
      // Before the notification is refused, or afterwards.
      if isFirst { world.ask(Self.call, "a") }
      refuse(notification, in: world)
      if !isFirst { world.ask(Self.call, "a") }
      let call = world.ask(Self.call, "b")
      commit(try batch(world), in: world)
      #expect(world.replies[call] == .called(response: []))
      world.pass(microseconds: Self.second)
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
    let pause = TimerSetting(when: .timeout(microseconds: 2 * Self.second))
    world.answer = { _ in
      .answered(ProcessorAnswer(action: Action(timer: .set(pause))))
    }
    for id in ["a", "b"] {
      world.ask(Self.call, id)
      commit(try batch(world), in: world)
    }
    world.answer = { _ in
      .answered(ProcessorAnswer(change: StateChange(events: [Content(data: [1])])))
    }
    world.ask(Self.call, "a")
    world.pass(microseconds: Self.second)
    refuse(try batch(world), in: world)
    world.pass(microseconds: Self.second)
    #expect(world.statistics().namespaces[0].active <= 1)
    // Only the other machine's timeout has a place.
    var others = 0
    for _ in 0..<10 {
      for batch in world.takeCommits() {
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
    world.ask(Self.call, "a")
    refuse(try batch(world), in: world)
    #expect(world.statistics().historyBytes == 0)
    #expect(world.statistics().asideBytes >= 2_000)
    for _ in 0..<3 {
      let call = world.ask(Self.call, "b")
      commit(try batch(world), in: world)
      #expect(world.replies[call] == .called(response: []))
    }
    world.pass(microseconds: Self.second)
    commit(try batch(world), in: world)
    #expect(world.statistics().asideBytes == 0)
  }

  @Test("An answer that has no room beside those that are kept is given up, and asked for again")
  func room() throws {
    let world = world(["a", "b", "c"], budget: 96_000, bytes: 6_000)
    world.ask(Self.call, "a")
    refuse(try batch(world), in: world)
    let call = world.ask(Self.call, "b")
    refuse(try batch(world), in: world)
    #expect(world.statistics().heldMachines == 2)
    let third = world.ask(Self.call, "c")
    refuse(try batch(world), in: world)
    #expect(world.statistics().heldMachines == 2)
    #expect(world.statistics().counts.answersGivenUp == 1)
    #expect(world.replies[third]?.error?.reason == .storageUnavailable)
    #expect(world.replies[call] == nil)
    // Its machine goes on when it can be written.
    let again = world.ask(Self.call, "c")
    commit(try batch(world), in: world)
    #expect(world.replies[again] == .called(response: []))
  }

  @Test("What is given up behind a notification is not written with it")
  func givenUpBehind() throws {
    let world = world(["a", "b", "c"], budget: 96_000, bytes: 6_000)
    for id in ["a", "b"] {
      world.ask(Self.call, id)
      refuse(try batch(world), in: world)
    }
    world.ask(Self.notify, "c")
    let notification = try batch(world)
    let before = world.ask(Self.call, "c")
    refuse(notification, in: world)
    let after = world.ask(Self.call, "c")
    for call in [before, after] {
      #expect(world.replies[call]?.error?.reason == .storageUnavailable)
    }
    var written: [String] = []
    while world.statistics().recordsWaiting > 0, written.count < 20 {
      guard let batch = world.takeCommits().first else {
        world.pass(microseconds: Self.second)
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
      let notify = ProgressorEngine.Operation.notify(
        args: [UInt8](repeating: 1, count: 6_000), range: nil, key: nil)
      let request = world.ask(notify, id)
      refuse(try batch(world), in: world)
      #expect(world.replies[request]?.error?.reason == .storageUnavailable)
    }
    #expect(world.statistics().heldMachines == 2)
    #expect(world.statistics().asideBytes >= 12_000)
    world.pass(microseconds: Self.second)
    while let batch = world.takeCommits().first { commit(batch, in: world) }
    #expect(world.statistics().heldMachines == 0)
    #expect(world.statistics().asideBytes == 0)
  }
}
