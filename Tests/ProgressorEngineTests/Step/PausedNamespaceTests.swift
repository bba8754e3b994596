import MachineModel
import Testing

@testable import ProgressorEngine

/// What comes to a paused namespace is answered at once, also when there is no memory for its
/// history.
@Suite("Calls of a paused namespace")
struct PausedNamespaceTests {
  private static let call = ProgressorEngine.Operation.call(args: [], range: nil, key: nil)

  /// Machines "0" and "1" with a history, in each of two namespaces, of which "busy" has all the
  /// memory.
  private func world() -> EngineWorld {
    let world = EngineWorld(["n", "busy"].map { EngineWorld.namespace($0) }) {
      $0.historyBytes = 0
      $0.smallHistoryBytes = 100
      $0.historyWindowBytes = 0
      $0.residentBytes = 0
    }
    let body = Content(data: [UInt8](repeating: 7, count: 1_000))
    world.answer = { _ in .answered(ProcessorAnswer(change: StateChange(events: [body]))) }
    for name in ["n", "busy"] {
      for id in ["0", "1"] { world.ask(.start(args: [], key: nil), id, in: name) }
    }
    world.answer = { _ in nil }
    return world
  }

  private func pause(_ world: EngineWorld) {
    var paused = EngineWorld.namespace("n")
    paused.pause = Pause(pausedAt: world.now.wall, reason: "")
    world.play([
      .namespacesChanged([
        NamespaceRecord(number: NamespaceNumber(1), namespace: paused),
        NamespaceRecord(number: NamespaceNumber(2), namespace: EngineWorld.namespace("busy")),
      ])
    ])
  }

  private func resume(_ world: EngineWorld) {
    world.play([
      .namespacesChanged(
        ["n", "busy"].enumerated().map { index, name in
          NamespaceRecord(
            number: NamespaceNumber(Int32(index + 1)), namespace: EngineWorld.namespace(name))
        })
    ])
  }

  @Test("Who comes after the pause hears of it, and first of what is wrong with the machine")
  func later() {
    let world = world()
    world.holdsCalls = true
    world.ask(Self.call, "0", in: "busy")
    #expect(world.calls.count == 1)
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
    world.holdsLoads = true
    let call = world.ask(Self.call, "1")
    let loads = world.takeLoads()
    #expect(loads.count == 1)
    pause(world)
    world.holdsLoads = false
    world.holdsCalls = true
    world.ask(Self.call, "0", in: "busy")
    world.play(loads.map { world.loaded($0) })
    #expect(world.replies[call]?.error?.reason == .namespacePaused)
  }

  @Test("Whose machine is read when the pause ends goes on with its history")
  func resumption() {
    let world = world()
    pause(world)
    world.holdsLoads = true
    let call = world.ask(Self.call, "0")
    resume(world)
    world.release()
    world.release()
    #expect(world.replies[call] == .called(response: []))
  }
}
