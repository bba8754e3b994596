import MachineModel
import Testing

@testable import ProgressorEngine

/// Requests that are answered, or given up, before the work for them is over.
@Suite("Requests whose work goes on")
struct UnheardRequestsTests {
  private static let args = [UInt8](repeating: 7, count: 1 << 20)

  enum Asked: CaseIterable {
    case call, notify, notifyWithKey

    var operation: ProgressorEngine.Operation {
      switch self {
      case .call: .call(args: args, range: nil, key: nil)
      case .notify: .notify(args: args, range: nil, key: nil)
      case .notifyWithKey: .notify(args: args, range: nil, key: "a longer key than others")
      }
    }
  }

  private func held(_ world: EngineWorld) -> Int {
    let statistics = world.statistics()
    return statistics.residentBytes + statistics.historyBytes
  }

  /// How a caller hears something before its commit.
  enum Early: CaseIterable { case delay, delayBefore, deadline }

  @Test(
    "What the client sent is counted as long as its step or notification has it",
    arguments: Asked.allCases, Early.allCases)
  func bytes(asked: Asked, early: Early) {
    let operation = asked.operation
    let world = EngineWorld()
    let event = Content(data: [1])
    world.answer = { _ in .answered(ProcessorAnswer(change: StateChange(events: [event]))) }
    world.ask(.start(args: [], key: nil), "m")
    let before = held(world)
    world.holdsCommits = true
    let request: RequestID
    switch early {
    case .delay:
      request = world.ask(operation, "m")
      world.play([.commitDelayed(world.commits[0].id)])
    case .delayBefore:
      world.holdsCalls = true
      world.ask(.start(args: [], key: nil), "other")
      request = world.ask(operation, "m")
      world.answerCalls()
      world.play([.commitDelayed(world.commits[0].id)])
      world.answerCalls()
    case .deadline:
      request = world.ask(operation, "m", deadline: world.uptime + 1_000)
      world.pass(microseconds: 2_000)
    }
    let code = early == .deadline ? Code.deadlineExceeded : .unavailable
    #expect(world.replies[request]?.error?.code == code)
    #expect(held(world) >= before + 1 << 20)
    #expect(world.engine.inconsistency() == nil)
    world.release()
    world.release()
    #expect(world.statistics().historyBytes == 0)
    // The notification stays, as long as it has not been delivered.
    if asked == .call { #expect(held(world) < before + 10_000) }
    #expect(world.engine.inconsistency() == nil)
  }

  @Test(
    "Who goes away while rows are read for it takes a place until they are read",
    arguments: [
      ProgressorEngine.Operation.call(args: [], range: nil, key: nil), .remove, .get(range: nil),
      .notify(args: [], range: nil, key: nil), .start(args: [], key: "k"),
    ], [true, false])
  func places(operation: ProgressorEngine.Operation, isCancelled: Bool) {
    let world = EngineWorld { $0.maximumRequests = 8 }
    world.holdsLoads = true
    var ids: [RequestID] = []
    for number in 0..<40 {
      let id = world.ask(operation, "m\(number)", deadline: world.uptime + 1_000)
      ids.append(id)
      if isCancelled { world.play([.cancelled(id)]) } else { world.pass(microseconds: 2_000) }
    }
    #expect(world.loads.count <= 8)
    #expect(!world.loads.isEmpty)
    #expect(world.engine.inconsistency() == nil)
    world.holdsCalls = true
    world.release()
    // Nothing is begun for them.
    #expect(world.calls.isEmpty && ids.allSatisfy { world.replies[$0] != nil })
    #expect(world.statistics().requests == 0)
    #expect(world.engine.inconsistency() == nil)
    #expect(world.reply(to: .get(range: nil), "m0")?.error?.reason == .machineNotFound)
  }
}
