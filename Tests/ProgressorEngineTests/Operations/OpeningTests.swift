import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("A call or a notification that starts its machine")
struct OpeningTests {
  private typealias Asked = ProgressorEngine.Operation
  private let world = World()

  private static let call = Asked.startOrCall(startArgs: [1], args: [2], range: nil, key: nil)
  private static let notify = Asked.startOrNotify(startArgs: [1], args: [2], range: nil, key: nil)

  /// What the processors were asked, in order.
  private func questions(_ run: () -> Void) -> [String] {
    var asked: [String] = []
    world.processor.answers { invocation in
      switch invocation.stimulus {
      case .signal(.initialize(let args)): asked.append("init \(args)")
      case .signal(.notification(let args, _, _)): asked.append("notification \(args)")
      case .signal(.timeout): asked.append("timeout")
      case .signal(.undelivered): asked.append("undelivered")
      case .call(let args, _): asked.append("call \(args)")
      case .repair: asked.append("repair")
      }
      return .event()
    }
    run()
    return asked
  }

  @Test("starts it, in a commit of its own, and then does what was asked")
  func starts() {
    let asked = questions {
      #expect(world.reply(to: Self.call, "a") == .called(response: []))
      guard case .notified? = world.reply(to: Self.notify, "b") else {
        Issue.record("the notification is not accepted")
        return
      }
    }
    #expect(asked == ["init [1]", "call [2]", "init [1]", "notification [2]"])
    #expect(world.reply(to: .get(range: nil), "a")?.shownMachine?.lastEventID == 2)
    #expect(world.inconsistency() == nil)
  }

  @Test("starts none that is there, in memory or not")
  func isThere() {
    world.start("a")
    world.restart(epoch: 2)
    let asked = questions {
      for _ in 0..<2 {
        #expect(world.reply(to: Self.call, "a") == .called(response: []))
        #expect(world.reply(to: Self.notify, "a")?.error == nil)
      }
    }
    #expect(asked == ["call [2]", "notification [2]", "call [2]", "notification [2]"])
  }

  @Test("of several at once the first starts it, and nobody's turn is in between")
  func race() {
    world.processor.holds = true
    let all = [Self.call, Self.notify, Self.call].map { world.ask($0, "m") }
    let plain = world.call("m")
    world.processor.holds = false
    let asked = questions { world.release() }
    #expect(
      asked == ["init [1]", "call [2]", "call [2]", "call []", "notification [2]"]
        || asked == ["init [1]", "call [2]", "notification [2]", "call [2]", "call []"],
      "\(asked)")
    #expect((all + [plain]).allSatisfy { world.replies[$0]?.error == nil })
    #expect(world.inconsistency() == nil)
  }

  @Test("says what Start says when it cannot be started, and leaves none")
  func cannotStart() {
    world.processor.answers(.status(ProcessorStatus(code: .internal, message: "broken")))
    for asked in [Self.call, Self.notify] {
      #expect(world.reply(to: asked, "m")?.error?.reason == .startFailed)
    }
    world.processor.answers(.status(ProcessorStatus(code: .invalidArgument, message: "no")))
    for asked in [Self.call, Self.notify] {
      #expect(world.reply(to: asked, "m")?.error?.reason == .processorRefused)
    }
    world.namespaces[0].pause = Pause(pausedAt: world.now.wall, reason: "")
    for asked in [Self.call, Self.notify] {
      #expect(world.reply(to: asked, "m")?.error?.reason == .namespacePaused)
    }
    #expect(world.reply(to: .get(range: nil), "m")?.error?.reason == .machineNotFound)
  }

  @Test("leaves the machine, whatever becomes of the call")
  func staysThere() {
    world.processor.answers { invocation in
      if case .call = invocation.stimulus {
        return .status(ProcessorStatus(code: .failedPrecondition, message: "not now"))
      }
      return .event()
    }
    #expect(world.reply(to: Self.call, "m")?.error?.reason == .processorRefused)
    #expect(world.reply(to: .get(range: nil), "m")?.shownMachine?.lastEventID == 1)
  }

  @Test("calls nothing that removes itself as it is started, or fails")
  func removesItself() {
    world.processor.answers(.answered(ProcessorAnswer(action: Action(remove: true))))
    for asked in [Self.call, Self.notify] {
      #expect(world.reply(to: asked, "m")?.error?.reason == .machineNotFound)
    }
    world.processor.answers(.answered(ProcessorAnswer(action: Action(fail: "broken"))))
    #expect(world.reply(to: Self.call, "m")?.error?.reason == .machineFailed)
    #expect(world.reply(to: Self.notify, "m")?.error == nil)
    #expect(world.inconsistency() == nil)
  }

  @Test("has one effect under its key, which is for both: other arguments of either are not it")
  func keyed() {
    let keyed: [Asked] = [
      .startOrCall(startArgs: [1], args: [2], range: nil, key: "c"),
      .startOrNotify(startArgs: [1], args: [2], range: nil, key: "n"),
    ]
    for (asked, id) in zip(keyed, ["a", "b"]) {
      let questions = questions {
        let first = world.reply(to: asked, id)
        #expect(first?.error == nil && world.reply(to: asked, id) == first)
        world.restart(epoch: world.number(of: "n").number == 1 ? Int64(10 + id.utf8.count) : 2)
        #expect(world.reply(to: asked, id) == first)
      }
      #expect(questions.count == 2)
    }
    for asked: Asked in [
      .startOrCall(startArgs: [9], args: [2], range: nil, key: "c"),
      .startOrCall(startArgs: [1], args: [9], range: nil, key: "c"),
      .call(args: [2], range: nil, key: "c"), .start(args: [1], key: "c"),
    ] {
      #expect(world.reply(to: asked, "a")?.error?.code == .invalidArgument)
    }
    #expect(world.inconsistency() == nil)
  }

  @Test("one that wait for its key does it when the first could not")
  func handedOver() {
    world.processor.holds = true
    let asked = Asked.startOrCall(startArgs: [1], args: [2], range: nil, key: "k")
    let first = world.ask(asked, "m")
    let second = world.ask(asked, "m")
    for call in world.calls() {
      world.answer(call, .status(ProcessorStatus(code: .internal, message: "broken")))
    }
    #expect(world.replies[first]?.error?.reason == .startFailed)
    world.processor.holds = false
    world.processor.answers(.event())
    world.release()
    #expect(world.replies[second] == .called(response: []) && world.inconsistency() == nil)
  }

  @Test("is not done for a client that went away while its machine was started")
  func cancelled() {
    for key in [nil, "k"] {
      world.processor.holds = true
      let asked = Asked.startOrCall(startArgs: [1], args: [2], range: nil, key: key)
      let id = world.ask(asked, "m\(key ?? "")")
      world.cancel(id)
      world.processor.holds = false
      #expect(questions { world.release() } == ["init [1]"])
      #expect(world.replies[id]?.error?.code == .cancelled && world.inconsistency() == nil)
    }
    world.processor.holds = true
    let late = world.ask(Self.call, "late", within: .seconds(1))
    world.run(for: .seconds(1))
    #expect(world.replies[late]?.error?.code == .deadlineExceeded)
    world.processor.holds = false
    #expect(questions { world.release() } == ["init [1]"])
    #expect(world.inconsistency() == nil)
  }

  @Test("the last event that is expected is that of the machine as the call finds it")
  func expected() {
    world.processor.answers(.event())
    let stale = world.ask(Self.call, "a", expecting: 0)
    #expect(world.replies[stale]?.error?.reason == .stale)
    #expect(world.replies[world.ask(Self.call, "a", expecting: 1)]?.error == nil)
    let notify = world.ask(Self.notify, "b", expecting: 1)
    #expect(world.replies[notify]?.error == nil)
  }

  @Test("a start that the database refuses is START_FAILED, and nothing more is done")
  func refusedStart() {
    world.database.holdsCommits = true
    world.processor.answers(.event())
    let call = world.ask(Self.call, "m")
    // Without what is recorded of it, too.
    while let batch = world.nextCommit() { world.refuse(batch, .contents) }
    #expect(world.replies[call]?.error?.reason == .startFailed && world.inconsistency() == nil)
  }
}
