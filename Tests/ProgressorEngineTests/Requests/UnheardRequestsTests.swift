import MachineModel
import ProgressorEngineTestKit
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

  private func held(_ world: World) -> Int {
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
    let world = World()
    world.processor.answers(.event())
    world.start("m")
    let before = held(world)
    world.database.holdsCommits = true
    let request: RequestID
    switch early {
    case .delay:
      request = world.ask(operation, "m")
      world.delay(world.database.heldCommits[0])
    case .delayBefore:
      world.processor.holds = true
      world.start("other")
      request = world.ask(operation, "m")
      world.answerCalls()
      world.delay(world.database.heldCommits[0])
      world.answerCalls()
    case .deadline:
      request = world.ask(operation, "m", within: .milliseconds(1))
      world.now += .milliseconds(2)
    }
    let code = early == .deadline ? Code.deadlineExceeded : .unavailable
    #expect(world.replies[request]?.error?.code == code)
    #expect(held(world) >= before + 1 << 20)
    #expect(world.inconsistency() == nil)
    world.release()
    world.release()
    #expect(world.statistics().historyBytes == 0)
    // The notification stays, as long as it has not been delivered.
    if asked == .call { #expect(held(world) < before + 10_000) }
    #expect(world.inconsistency() == nil)
  }

  @Test(
    "Who goes away while rows are read for it takes a place until they are read",
    arguments: [
      ProgressorEngine.Operation.call(args: [], range: nil, key: nil), .remove, .get(range: nil),
      .notify(args: [], range: nil, key: nil), .start(args: [], key: "k"),
    ], [true, false])
  func places(operation: ProgressorEngine.Operation, isCancelled: Bool) {
    let world = World { $0.maximumRequests = 8 }
    world.database.holdsLoads = true
    var ids: [RequestID] = []
    for number in 0..<40 {
      let id = world.ask(operation, "m\(number)", within: .milliseconds(1))
      ids.append(id)
      if isCancelled { world.cancel(id) } else { world.now += .milliseconds(2) }
    }
    #expect(world.database.heldLoads.count <= 8)
    #expect(!world.database.heldLoads.isEmpty)
    #expect(world.inconsistency() == nil)
    world.processor.holds = true
    world.release()
    // Nothing is begun for them.
    #expect(world.processor.held.isEmpty && ids.allSatisfy { world.replies[$0] != nil })
    #expect(world.statistics().requests == 0)
    #expect(world.inconsistency() == nil)
    #expect(world.reply(to: .get(range: nil), "m0")?.error?.reason == .machineNotFound)
  }
}
