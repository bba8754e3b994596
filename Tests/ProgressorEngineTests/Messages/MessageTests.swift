import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

/// Messages in the action (I13, I14): rows of their step, delivered through the door of their
/// target, once in effect.
@Suite("Messages")
struct MessageTests {
  private let world = World()

  /// The machines `a` and `b`, and what a call of `a` sends.
  private func prepare(_ sends: ProcessorOutcome) {
    world.start("a")
    world.start("b")
    answer(sends)
  }

  /// What a call is answered from now on; signals change nothing.
  private func answer(_ outcome: ProcessorOutcome) {
    world.processor.answers { invocation in
      if case .call = invocation.stimulus { outcome } else { .ok }
    }
  }

  private func signals(_ id: String) -> [Signal] {
    seen.all.filter { $0.machine.machineID.id == id }.compactMap {
      if case .signal(let signal) = $0.stimulus { signal } else { nil }
    }
  }

  private final class Seen { var all: [Invocation] = [] }
  private let seen = Seen()

  private func follow() {
    let seen = seen
    world.watch = { effects in
      for case .invoke(let invocation) in effects { seen.all.append(invocation) }
    }
  }

  private func agrees() {
    #expect(world.inconsistency() == nil)
    #expect(world.database.messages.isEmpty)
    for row in world.database.rows.values { #expect(row.pendingMessages == 0) }
  }

  @Test("A message is delivered once its step is durable, and not before")
  func afterTheCommit() {
    prepare(.send(.notify("b", args: [7])))
    follow()
    world.database.holdsCommits = true
    world.call("a")
    #expect(world.delivered.isEmpty)
    world.release()
    #expect(world.delivered == ["b"])
    #expect(
      signals("b") == [
        .notification(
          args: [7], notificationID: "0-\(1 << 32 | 4)",
          sender: MachineID(namespace: "n", id: "a"))
      ] || signals("b").count == 1)
    agrees()
  }

  @Test("What a refused step sends is never sent")
  func refused() throws {
    prepare(.send(.notify("b")))
    world.database.holdsCommits = true
    world.call("a")
    world.refuse(try #require(world.nextCommit()), .contents)
    world.release()
    world.run(for: .seconds(60))
    #expect(world.delivered.isEmpty)
    agrees()
  }

  @Test("A message with a delay is delivered at its time, and one of its name takes its place")
  func delayed() {
    prepare(.send(.notify("a", args: [1], after: .seconds(10), name: "t")))
    follow()
    world.call("a")
    world.run(for: .seconds(5))
    answer(.send(.notify("a", args: [2], after: .seconds(10), name: "t")))
    world.call("a")
    world.run(for: .seconds(9))
    #expect(signals("a").isEmpty)
    world.run(for: .seconds(1))
    #expect(signals("a").count == 1)
    guard case .notification([2], _, _)? = signals("a").first else {
      Issue.record("the later one was delivered: \(signals("a"))")
      return
    }
    world.run(for: .seconds(60))
    #expect(signals("a").count == 1)
    agrees()
  }

  @Test("A cancelled message is not delivered; an unknown name is ignored")
  func cancelled() {
    prepare(.send(.notify("b", after: .seconds(10), name: "t"), .notify("b", after: .seconds(9))))
    world.call("a")
    answer(.send(cancel: ["t", "x"]))
    world.call("a")
    world.run(for: .seconds(60))
    #expect(world.delivered == ["b"])
    agrees()
  }

  @Test("Names are known again after a restart")
  func restarted() {
    prepare(.send(.notify("b", after: .seconds(10), name: "t"), .notify("b", after: .seconds(9))))
    world.call("a")
    world.restart(epoch: 2)
    answer(.send(.notify("b", after: .seconds(1), name: "t")))
    world.call("a")
    #expect(world.database.messages.count == 2)
    world.run(for: .seconds(60))
    #expect(world.delivered == ["b", "b"])
    agrees()
  }

  @Test("Messages of one pair come in order of number among those that are due")
  func order() {
    prepare(
      .send(
        .notify("b", args: [1], after: .seconds(2)), .notify("b", args: [2], after: .seconds(1)),
        .notify("b", args: [3])))
    follow()
    world.call("a")
    world.relay.ends = { _ in .error(.storageUnavailable) }
    world.run(for: .seconds(3))
    world.relay.ends = { _ in nil }
    world.run(for: .seconds(60))
    let args = signals("b").map { signal in
      if case .notification(let args, _, _) = signal { args } else { [UInt8]() }
    }
    #expect(args == [[3], [1], [2]])
    agrees()
  }

  @Test(
    "One whose time comes while a later one is read comes before it", arguments: [1_000, 1_500])
  func orderWhileReading(milliseconds: Int) {
    prepare(
      .send(
        .notify("b", args: [1], after: .seconds(2)), .notify("b", args: [2], after: .seconds(1))))
    follow()
    world.call("a")
    world.database.messageLoadTakes = .milliseconds(milliseconds)
    world.run(for: .seconds(60))
    let args = signals("b").map { signal in
      if case .notification(let args, _, _) = signal { args } else { [UInt8]() }
    }
    #expect(args == [[1], [2]])
    agrees()
  }

  @Test("Who takes over delivers nothing before it knows what is tried again before it")
  func orderAfterTakeover() {
    let world = World { $0.lookAheadPage = 2 }
    // The third stands between the two where they are read: the second is due since it was sent,
    // the first when it is tried again.
    let sends = ProcessorOutcome.send(
      .notify("b", args: [1]), .notify("b", args: [2]),
      .notify("b", args: [3], after: .milliseconds(8_200)))
    world.processor.answers { invocation in
      if case .call = invocation.stimulus { sends } else { .ok }
    }
    var args: [[UInt8]] = []
    world.watch = { effects in
      for case .invoke(let invocation) in effects {
        if case .signal(.notification(let bytes, _, _)) = invocation.stimulus { args.append(bytes) }
      }
    }
    world.start("a")
    world.start("b")
    world.relay.ends = { _ in .error(.storageUnavailable) }
    world.call("a")
    world.run(for: .seconds(8))
    world.relay.ends = { _ in nil }
    world.restart(epoch: 2)
    world.run(for: .seconds(40))
    #expect(args == [[1], [2], [3]])
    #expect(world.database.messages.isEmpty && world.inconsistency() == nil)
  }

  @Test("A message that fails is tried again without end, at most 30 seconds apart")
  func repeated() {
    prepare(.send(.notify("b")))
    world.relay.ends = { _ in .error(.storageUnavailable) }
    world.call("a")
    var last = 0
    for _ in 0..<30 {
      world.run(for: .seconds(30))
      #expect(world.delivered.count > last)
      last = world.delivered.count
    }
    world.relay.ends = { _ in nil }
    world.run(for: .seconds(30))
    #expect(world.database.messages.isEmpty)
    agrees()
  }

  @Test("One that can never be delivered stays to be looked at, and the sender hears if it asked")
  func undeliverable() {
    prepare(.send(.notify("x", args: [5], name: "q", reports: true), .notify("y"), .notify("b")))
    follow()
    world.call("a")
    #expect(
      signals("a") == [
        .undelivered(
          UndeliveredMessage(
            target: MachineID(namespace: "n", id: "x"), name: "q", code: Code.notFound.rawValue,
            reason: "MACHINE_NOT_FOUND", args: [5]))
      ])
    let row = world.database.rows[MachineID(namespace: "n", id: "a")]
    #expect(row?.pendingMessages == 0 && row?.undeliveredMessages == 2)
    #expect(signals("b").count == 1)
    world.run(for: .seconds(300))
    #expect(world.delivered == ["x", "y", "b"])
    #expect(world.inconsistency() == nil)
  }

  @Test("A machine takes its pending messages along, but those that are due")
  func removed() {
    prepare(
      .send(.notify("b", args: [1]), .notify("b", args: [2], after: .seconds(5)), remove: true))
    follow()
    world.call("a")
    #expect(signals("b").count == 1)
    world.run(for: .seconds(60))
    #expect(signals("b").count == 1)
    agrees()
  }

  @Test("What was read as its machine was removed, and went along, is not delivered")
  func readAtItsRemoval() {
    prepare(.send(.notify("b", args: [1], after: .seconds(1))))
    follow()
    world.call("a")
    world.run(for: .milliseconds(500))
    world.database.holdsCommits = true
    world.remove("a")
    world.database.messageLoadTakes = .seconds(1)
    world.run(for: .milliseconds(700))
    world.database.holdsCommits = false
    world.release()
    world.run(for: .seconds(60))
    #expect(signals("b").isEmpty)
    agrees()
  }

  @Test("What a machine cancels as it is removed is not tried again")
  func cancelledByRemoval() {
    prepare(.send(.notify("b", name: "t")))
    world.relay.ends = { _ in .error(.deadlineExceeded) }
    world.call("a")
    answer(.send(cancel: ["t"], remove: true))
    world.call("a")
    world.relay.ends = { _ in nil }
    world.run(for: .seconds(60))
    #expect(world.delivered == ["b"])
    agrees()
  }

  @Test("A machine that is started and removed at once sends what is due")
  func startedAndRemoved() {
    world.start("b")
    follow()
    world.processor.answers { invocation in
      invocation.machine.machineID.id == "a" ? .send(.notify("b"), remove: true) : .ok
    }
    world.start("a")
    #expect(world.delivered == ["b"])
    agrees()
  }

  @Test("A start is delivered once; one that ignores a machine that is there has had its effect")
  func starts() {
    prepare(.send(.start("c"), .start("b", ignoresExisting: true), .start("a")))
    world.call("a")
    #expect(world.database.rows[MachineID(namespace: "n", id: "c")] != nil)
    let row = world.database.rows[MachineID(namespace: "n", id: "a")]
    #expect(row?.undeliveredMessages == 1 && row?.pendingMessages == 0)
    #expect(world.inconsistency() == nil)
  }

  @Test("A delivery whose reply is lost has no second effect")
  func lostReply() {
    prepare(.send(.notify("b"), .start("c")))
    follow()
    world.relay.holds = true
    world.call("a")
    world.releaseMessages()
    world.restart(epoch: 2)
    world.run(for: .seconds(60))
    #expect(signals("b").count == 1)
    agrees()
  }

  @Test("More messages than the namespace allows are no answer")
  func limit() {
    var limits = Limits()
    limits.messages = 2
    world.namespaces = [.named("n", limits: limits)]
    prepare(
      .send(
        .notify("b", after: .seconds(5)), .notify("b", after: .seconds(5)),
        .notify("b", after: .seconds(5))))
    let call = world.call("a")
    #expect(
      world.replies[call]?.error?.message.contains("limits.messages") == true,
      "\(String(describing: world.replies[call]))")
    #expect(world.database.messages.isEmpty)
  }

  @Test("A target that does not answer holds up no other")
  func slowTarget() {
    prepare(.send(.notify("x"), .notify("x"), .notify("b")))
    world.relay.ends = { $0.target.id == "x" ? .error(.deadlineExceeded) : nil }
    world.call("a")
    #expect(world.delivered.contains("b"))
    #expect(world.database.messages(of: MachineID(namespace: "n", id: "a")).count == 2)
    #expect(world.inconsistency() == nil)
  }
  @Test("More than there is room for waits in the database, and all of it is delivered in the end")
  func crowd() {
    let world = World { $0.lookAheadPage = 10 }
    for id in ["a", "x"] { world.start(id) }
    let sends = ProcessorOutcome.send(all: (0..<30).map { .notify("x", args: [UInt8($0)]) })
    world.processor.answers { invocation in
      if case .call = invocation.stimulus { sends } else { .ok }
    }
    world.relay.ends = { _ in .error(.deadlineExceeded) }
    world.call("a")
    world.run(for: .seconds(120))
    #expect(world.statistics().messages == 20)
    #expect(world.inconsistency() == nil)
    world.relay.ends = { _ in nil }
    let before = world.delivered.count
    world.run(for: .seconds(120))
    #expect(world.delivered.count == before + 30)
    #expect(world.database.messages.isEmpty && world.statistics().messages == 0)
    #expect(world.inconsistency() == nil)
  }
  @Test("A start comes before the notification behind it, though it was tried before a restart")
  func orderOfACrowd() {
    let world = World { $0.lookAheadPage = 10 }
    world.start("a")
    let children = (0..<20).map { "c\($0)" }
    let sends = ProcessorOutcome.send(all: children.flatMap { [.start($0), .notify($0)] })
    world.processor.answers { invocation in
      if case .call = invocation.stimulus { sends } else { .ok }
    }
    world.relay.ends = { _ in .error(.deadlineExceeded) }
    world.call("a")
    world.run(for: .seconds(1))
    world.restart(epoch: 2)
    world.relay.ends = { _ in nil }
    world.run(for: .seconds(120))
    #expect(world.database.messages.isEmpty)
    for id in children {
      #expect(world.database.rows[MachineID(namespace: "n", id: id)]?.notificationCount == 0)
    }
    #expect(world.database.rows[MachineID(namespace: "n", id: "a")]?.undeliveredMessages == 0)
    #expect(world.inconsistency() == nil)
  }

  @Test("One that is retried has its name again, unless another one has it meanwhile")
  func retriedName() throws {
    prepare(.send(.notify("x", name: "t")))
    world.call("a")
    let parked = try #require(world.database.messages.first?.value.ref.number)
    world.relay.ends = { _ in .error(.deadlineExceeded) }
    let retry = world.ask(.retryMessage(parked), "a")
    #expect(world.replies[retry] == Reply.messageRetried)
    world.call("a")
    #expect(world.database.messages.count == 1, "the new one of its name replaced it")
    world.relay.ends = { _ in .error(.machineNotFound(MachineID(namespace: "n", id: "x"))) }
    world.run(for: .seconds(30))
    let second = try #require(world.database.messages.first?.value.ref.number)
    world.relay.ends = { _ in .error(.deadlineExceeded) }
    world.call("a")
    #expect(world.database.messages.count == 2)
    let refused = world.ask(.retryMessage(second), "a")
    #expect(world.replies[refused]?.error?.reason == .messageReplaced)
    #expect(world.inconsistency() == nil)
  }
}
