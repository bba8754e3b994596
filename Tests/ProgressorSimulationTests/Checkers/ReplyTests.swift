import MachineModel
import ProgressorEngine
import Testing

@testable import ProgressorSimulation

/// Replies that are not true, or come twice: each checker must notice.
@Suite("Checkers: replies")
struct LedgerReplyTests {
  let machine = TestMachine()

  /// A call, invoked and answered with one event.
  private func answeredCall(key: String? = nil) throws -> (TestHistory, RequestID) {
    var history = TestHistory()
    history.waits = false
    let id = history.request(.call(args: Tag.bytes(1), range: nil, key: key), tag: 1)
    try history.invoke(.call(args: Tag.bytes(1), key: key), step: 1)
    history.answer(
      0,
      ProcessorAnswer(
        response: Tag.bytes(0), change: StateChange(events: [Content(data: Tag.bytes(0))])))
    return (history, id)
  }

  @Test("OK before the commit (I2)")
  func earlyReply() throws {
    var (history, id) = try answeredCall()
    #expect(
      broken { try history.reply(id, .called(response: Tag.bytes(0))) } == .acknowledgedIsDurable)
    try history.apply(machine.updated(to: 2, events: TestMachine.events(1, 1)))
    #expect(broken { try history.reply(id, .called(response: Tag.bytes(0))) } == nil)
  }

  @Test("A second reply, and a second one after a cancellation; the first is heard by nobody")
  func secondReply() {
    var history = TestHistory()
    let id = history.request(.remove, tag: 1)
    #expect(broken { try history.reply(id, .error(.storageUnavailable)) } == nil)
    #expect(broken { try history.reply(id, .error(.storageUnavailable)) } == .oneReply)
    let other = history.request(.remove, tag: 2)
    history.ledger.cancelled(other)
    #expect(broken { try history.reply(other, .removed) } == nil)
    #expect(broken { try history.reply(other, .error(.cancelled)) } == .oneReply)
  }

  @Test("An error that hides a commit, before it or after it (I2)")
  func hiddenCommit() throws {
    var (history, id) = try answeredCall()
    let record = machine.updated(to: 2, events: TestMachine.events(1, 1))
    let refused = ProgressorError(.aborted, .processorRefused, "no")
    var fresh = history
    try fresh.apply(record)
    #expect(broken { try fresh.reply(id, .error(refused)) } == .acknowledgedIsDurable)
    try history.reply(id, .error(refused))
    #expect(broken { try history.apply(record) } == .acknowledgedIsDurable)
  }

  @Test("UNAVAILABLE may hide a commit; DEADLINE_EXCEEDED only from the deadline on")
  func unknownOutcome() throws {
    var (history, id) = try answeredCall()
    try history.apply(machine.updated(to: 2, events: TestMachine.events(1, 1)))
    #expect(broken { try history.reply(id, .error(.deadlineExceeded)) } == .truthfulErrors)
    #expect(broken { try history.reply(id, .error(.notOwner)) } == nil)
  }

  @Test("An OK under a key that remembers nothing, other arguments or another reply (I8)")
  func keys() throws {
    var (history, id) = try answeredCall(key: "k")
    let name = KeyName(machine: machine.id, key: "k")
    let reply = Reply.called(response: Tag.bytes(0))
    #expect(broken { try history.reply(id, reply) } == .oneEffectPerKey)
    history.ledger.keys[name] = RememberedReply(tag: 2, reply: .called(response: Tag.bytes(0)))
    #expect(broken { try history.reply(id, reply) } == .oneEffectPerKey)
    history.ledger.keys[name] = RememberedReply(tag: 1, reply: .called(response: Tag.bytes(7)))
    #expect(broken { try history.reply(id, reply) } == .oneEffectPerKey)
    history.ledger.keys[name] = RememberedReply(tag: 1, reply: .called(response: Tag.bytes(0)))
    #expect(broken { try history.reply(id, reply) } == nil)
  }

  @Test("An error under a key that remembers a reply (I8)")
  func forgottenKey() {
    var history = TestHistory()
    history.ledger.keys[KeyName(machine: machine.id, key: "k")] = RememberedReply(
      tag: 1, reply: .started)
    let id = history.request(.start(args: Tag.bytes(1), key: "k"), tag: 1)
    #expect(
      broken { try history.reply(id, .error(.machineAlreadyExists(machine.id))) }
        == .oneEffectPerKey)
  }

  @Test("Errors that tell what was not so")
  func untrueErrors() {
    let errors: [ProgressorError] = [
      .machineNotFound(machine.id), .machineFailed("broken"),
      ProgressorError(.notFound, .eventNotFound, "none"),
    ]
    for error in errors {
      var history = TestHistory()
      let id = history.request(.call(args: Tag.bytes(1), range: nil, key: nil), tag: 1)
      #expect(broken { try history.reply(id, .error(error)) } == .truthfulErrors)
    }
    var history = TestHistory()
    let id = history.request(.start(args: Tag.bytes(1), key: nil), tag: 1)
    #expect(broken { try history.reply(id, .error(.machineAlreadyExists(machine.id))) } == nil)
  }

  @Test("A removal, a repair and an acceptance that never were (I2)")
  func inventedSuccess() {
    var history = TestHistory()
    let removal = history.request(.remove, tag: 1)
    #expect(broken { try history.reply(removal, .removed) } == .acknowledgedIsDurable)
    let repair = history.request(.simpleRepair, tag: 2)
    #expect(broken { try history.reply(repair, .simplyRepaired) } == .acknowledgedIsDurable)
    let notify = history.request(.notify(args: Tag.bytes(3), range: nil, key: nil), tag: 3)
    #expect(
      broken { try history.reply(notify, .notified(notificationID: "0-1")) }
        == .acknowledgedIsDurable)
    let call = history.request(.call(args: Tag.bytes(4), range: nil, key: nil), tag: 4)
    #expect(broken { try history.reply(call, .removed) } == .oneReply)
  }

  @Test("A read of a state that never was, of the wrong range, or without the lease")
  func untrueReads() {
    func outcome(_ change: (inout TestHistory, inout Machine) -> Void) -> Invariant? {
      var history = TestHistory()
      let id = history.request(.get(range: nil), tag: 1)
      var machine = history.stored.listed
      machine.historyRange = .all
      change(&history, &machine)
      return broken { try history.reply(id, .machine(machine)) }
    }
    #expect(outcome { _, _ in } == nil)
    #expect(outcome { _, machine in machine.lastEventID = 4 } == .truthfulReads)
    #expect(outcome { _, machine in machine.timer = .latest } == .truthfulReads)
    #expect(outcome { _, machine in machine.historyRange.limit = 3 } == .truthfulReads)
    #expect(outcome { history, _ in history.node.trustedUntil = 400 } == .leaseRespected)
  }

  @Test("A page that is too long, out of order, or shows what was not asked for")
  func untruePages() {
    func outcome(_ ids: [String], last: String?) -> Invariant? {
      var history = TestHistory()
      let id = history.request(
        .list(ListQuery(status: .any, idPrefix: "a", pageSize: 2, after: nil)), tag: 1)
      let machines = ids.map {
        Machine(
          machineID: MachineID(namespace: "n", id: $0), createdAt: TestMachine.start)
      }
      return broken { try history.reply(id, .listed(machines, last: last)) }
    }
    #expect(outcome(["a1", "a2"], last: "a2") == nil)
    #expect(outcome(["a1", "a2", "a3"], last: nil) == .truthfulReads)
    #expect(outcome(["a2", "a1"], last: nil) == .truthfulReads)
    #expect(outcome(["b"], last: nil) == .truthfulReads)
    #expect(outcome(["a1"], last: "a9") == .truthfulReads)
  }

  @Test("More requests or calls than the limits let in (I10)")
  func bounds() {
    var history = TestHistory()
    let widest = Ledger.Widest(mailbox: 1, steps: 1, calls: 1, notifications: 1)
    var ids: [RequestID] = []
    for tag in 1...3 {
      ids.append(
        history.request(.call(args: Tag.bytes(UInt64(tag)), range: nil, key: nil), tag: UInt64(tag))
      )
    }
    let ledger = history.ledger
    var held = ledger
    #expect(broken { try held.held(ids[0], maximum: 2, widest: widest) } == .bounds)
    #expect(broken { try held.held(ids[0], maximum: 9, widest: widest) } == .bounds)
    held.forget(ids[2])
    #expect(broken { try held.held(ids[0], maximum: 2, widest: widest) } == nil)
  }
}
