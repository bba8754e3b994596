import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

/// What comes to a paused namespace is answered at once, also when there is no memory for its
/// history.
@Suite("Calls of a paused namespace")
struct PausedNamespaceTests {
  private static let call = ProgressorEngine.Operation.call(args: [], range: nil, key: nil)

  /// Machines "0" and "1" with a history, in each of two namespaces, of which "busy" has all the
  /// memory.
  private func world() -> World {
    let world = World(["n", "busy"].map { .named($0) }) {
      $0.historyBytes = 0
      $0.smallHistoryBytes = 100
      $0.historyWindowBytes = 0
      $0.residentBytes = 0
    }
    world.processor.answers(.event([UInt8](repeating: 7, count: 1_000)))
    for name in ["n", "busy"] {
      for id in ["0", "1"] { world.start(id, in: name) }
    }
    world.processor.answers(.ok)
    return world
  }

  private func pause(_ world: World) {
    world.namespaces[0].pause = Pause(pausedAt: world.now.wall, reason: "")
  }

  private func resume(_ world: World) { world.namespaces[0].pause = nil }

  @Test("Who comes after the pause hears of it, and first of what is wrong with the machine")
  func later() {
    let world = world()
    world.processor.holds = true
    world.call("0", in: "busy")
    #expect(world.processor.held.count == 1)
    pause(world)
    #expect(world.reply(to: Self.call, "0")?.error?.reason == .namespacePaused)
    #expect(
      world.reply(to: .repair(args: [], range: nil, key: nil), "0")?.error?.reason
        == .machineAlreadyWorking)
    #expect(world.reply(to: Self.call, "none")?.error?.reason == .machineNotFound)
    #expect(world.statistics().namespaces[0].waiting == 0)
  }

  @Test("Whose history turns out to be long after the pause does not wait for its room")
  func large() {
    let world = world()
    world.database.holdsLoads = true
    let call = world.call("1")
    let loads = world.loads()
    #expect(loads.count == 1)
    pause(world)
    world.database.holdsLoads = false
    world.processor.holds = true
    world.call("0", in: "busy")
    world.play(loads.map { world.loaded($0) })
    #expect(world.replies[call]?.error?.reason == .namespacePaused)
  }

  @Test("Whose machine is read when the pause ends goes on with its history")
  func resumption() {
    let world = world()
    pause(world)
    world.database.holdsLoads = true
    let call = world.call("0")
    resume(world)
    world.release()
    world.release()
    #expect(world.replies[call] == .called(response: []))
  }
}
