import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("Memory of steps")
struct StepMemoryTests {
  /// Machines "0", "1", … of a namespace whose histories have so many bytes.
  private func fill(_ world: World, _ count: Int, bytes: Int, in namespace: String = "n") {
    // One array for all: what they would take is counted, not taken.
    world.processor.answers(.event([UInt8](repeating: 7, count: bytes)))
    for number in 0..<count {
      #expect(world.reply(to: .start(args: [], key: nil), "\(number)", in: namespace) == .started)
    }
    world.processor.answers(.ok)
  }

  private func world(budget: Int, _ namespaces: [String] = ["n"]) -> World {
    World(namespaces.map { Namespace.named($0) }) {
      $0.historyBytes = budget
      $0.residentBytes = 1 << 20
    }
  }

  @Test(
    "Calls of machines with long histories wait unread when the budget is used, and have their turn"
  )
  func bounded() {
    let (size, count) = (4 << 20, 60)
    let world = world(budget: 96 << 20)
    fill(world, count, bytes: size)
    world.processor.holds = true
    let ids = (0..<count).map { world.call("\($0)") }
    var (most, rounds) = (0, 0)
    while world.replies[ids[count - 1]] == nil, rounds < count {
      let statistics = world.statistics()
      #expect(statistics.historyBytes <= statistics.maximumHistoryBytes / 2)
      #expect(statistics.historyBytes >= world.processor.held.count * size)
      #expect(statistics.namespaces[0].historyBytes == statistics.historyBytes)
      most = max(most, world.processor.held.count)
      rounds += 1
      world.answerCalls()
    }
    #expect(most >= 8)
    #expect(ids.allSatisfy { world.replies[$0] == .called(response: []) })
    #expect(world.statistics().historyBytes == 0)
  }

  @Test("However small the budget, each namespace has one step at a time")
  func smallest() {
    let world = world(budget: 0, ["a", "b", "c"])
    for name in ["a", "b", "c"] { fill(world, 4, bytes: 1_000, in: name) }
    world.processor.holds = true
    let ids = ["a", "b", "c"].flatMap { name in
      (0..<4).map { world.call("\($0)", in: name) }
    }
    var rounds = 0
    while ids.contains(where: { world.replies[$0] == nil }), rounds < 100 {
      #expect(world.processor.held.count <= 3 && !world.processor.held.isEmpty)
      rounds += 1
      world.answerCalls()
    }
    #expect(ids.allSatisfy { world.replies[$0] == .called(response: []) })
    #expect(world.statistics().historyBytes == 0)
  }

  @Test("Who comes again and again does not keep the others from their turn")
  func turns() {
    let world = world(budget: 0, ["busy", "other"])
    for name in ["busy", "other"] { fill(world, 2, bytes: 1_000, in: name) }
    world.processor.holds = true
    world.call("0", in: "busy")
    world.call("1", in: "busy")
    let other = world.call("0", in: "other")
    var rounds = 0
    while world.replies[other] == nil, rounds < 10 {
      rounds += 1
      world.answerCalls()
      world.call("0", in: "busy")
      world.call("1", in: "busy")
    }
    #expect(rounds <= 3)
  }

  @Test("A namespace whose steps use all that they may is in no other one's way")
  func shares() {
    let world = world(budget: 96 << 20, ["crowd", "other"])
    fill(world, 40, bytes: 4 << 20, in: "crowd")
    fill(world, 40, bytes: 100_000, in: "other")
    world.processor.holds = true
    for number in 0..<40 { world.call("\(number)", in: "crowd") }
    let crowd = world.processor.held.count
    #expect(crowd < 12 && crowd > 4)
    for number in 0..<40 { world.call("\(number)", in: "other") }
    #expect(world.processor.held.count == crowd + 40)
  }

  @Test("What waits for memory is dropped at its deadline, and was never read")
  func deadline() {
    let world = world(budget: 0)
    fill(world, 3, bytes: 1_000)
    world.processor.holds = true
    world.call("0")
    world.database.holdsLoads = true
    let late = world.call("1", within: .milliseconds(1))
    let patient = world.call("2")
    world.now += .milliseconds(2)
    #expect(world.replies[late]?.error?.code == .deadlineExceeded)
    #expect(world.database.heldLoads.isEmpty)
    #expect(world.statistics().namespaces[0].waiting == 1)
    world.release()
    world.release()
    #expect(world.replies[patient] == .called(response: []))
  }

  @Test("An answer counts until it is durable")
  func answers() {
    let world = world(budget: 64 << 20)
    fill(world, 1, bytes: 10)
    world.processor.answers(.event([UInt8](repeating: 1, count: 1 << 20)))
    world.database.holdsCommits = true
    world.call("0")
    #expect(world.statistics().historyBytes >= 1 << 20)
    world.release()
    #expect(world.statistics().historyBytes == 0)
  }

  @Test("Forty namespaces that all wait have their turns, though the first of them hold on")
  func everybody() {
    let holders = (0..<21).map { "holder \($0)" }
    let others = (0..<19).map { "other \($0)" }
    let world = World((holders + others).map { Namespace.named($0) }) {
      $0.smallHistoryBytes = 100_000
      // The last of the holders has room to be read, and what is left is not enough for one more.
      $0.historyBytes = 20 * 90_096 + 100_000
    }
    for name in holders { fill(world, 2, bytes: 90_000, in: name) }
    for name in others { fill(world, 1, bytes: 1_000, in: name) }
    world.processor.holds = true
    for name in holders { world.call("0", in: name) }
    // These calls take as long as the test.
    #expect(world.calls().count == holders.count)
    for name in holders { world.call("1", in: name) }
    let ids = others.map { world.call("0", in: $0) }
    var rounds = 0
    while ids.contains(where: { world.replies[$0] == nil }), rounds < 100 {
      #expect(world.inconsistency() == nil)
      rounds += 1
      world.answerCalls()
    }
    #expect(ids.allSatisfy { world.replies[$0] == .called(response: []) })
  }
}
