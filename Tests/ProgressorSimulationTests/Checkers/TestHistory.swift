import MachineModel
import ProgressorEngine

@testable import ProgressorSimulation

/// A history of one machine on one node, made by hand.
struct TestHistory {
  var ledger = Ledger()
  var node = NodeView(
    number: 0, life: 1, identity: 1, trustedUntil: 1_000, latestWall: TestMachine.start, epoch: 1,
    isOwner: true)
  var now = Moment(wall: TestMachine.start, uptime: 500)
  /// The machine as the database has it.
  var stored = StoredMachine(row: TestMachine().row)
  /// The machine as processors are shown it; its timer as it is stored, unless for a timeout.
  var shown = Machine(machineID: TestMachine().id, createdAt: TestMachine.start)
  /// Whether a client waits for each call and repair.
  var waits = true
  private var lastRequest: UInt64 = 1_000

  mutating func invoke(_ stimulus: Invocation.Stimulus, step: UInt64) throws(Violation) {
    var machine = shown
    machine.timer = stored.row.timer?.firesAt
    var context = CallerContext()
    switch stimulus {
    case .signal(.undelivered): break
    case .signal(.timeout): context = stored.row.timer?.context ?? context
    case .signal(.initialize(let args)), .signal(.notification(let args, _, _)), .call(let args, _),
      .repair(let args, _):
      context.principal = Tag.principal(in: args)
    }
    switch stimulus {
    case .signal(.timeout): machine.timer = nil
    case .call(let args, let key) where waits:
      request(.call(args: args, range: nil, key: key), tag: Tag.number(in: args) ?? 0)
    case .repair(let args, let key) where waits:
      request(.repair(args: args, range: nil, key: key), tag: Tag.number(in: args) ?? 0)
    case .signal, .call, .repair: break
    }
    _ = try ledger.invoked(
      Invocation(
        step: StepID(step), attempt: 1, namespace: NamespaceNumber(1), stimulus: stimulus,
        machine: machine, stepToken: "", epoch: 1, deadline: 900, timeout: 800,
        context: context,
        waitsForEndpoint: false), by: node, now: now, stored: stored)
  }

  mutating func answer(_ number: Int, _ answer: ProcessorAnswer) {
    ledger.answered(number, .answered(answer))
  }

  /// The record is in the database; what was stored before stays as it is here.
  mutating func apply(_ record: CommitRecord) throws(Violation) {
    let after: MachineRow? =
      switch record.row {
      case .keep, .requeue, .condemn: stored.row
      case .insert(let row), .update(let row, _), .pause(let row): row
      case .delete: nil
      }
    try ledger.applied(
      [AppliedRecord(record: record, previous: stored, after: after)],
      concluded: ledger.concluded([record], by: 0))
  }

  /// A client sends a request, and the engine takes it in.
  @discardableResult
  mutating func request(_ operation: Operation, tag: UInt64, id: UInt64? = nil) -> RequestID {
    lastRequest += 1
    let id = RequestID(id ?? lastRequest)
    ledger.sent(
      ClientRequest(
        id: id, node: 0, life: 1, machine: TestMachine().id, operation: operation, tag: tag,
        sentAt: 400, deadline: 800), stored: stored)
    ledger.taken(id)
    return id
  }

  mutating func reply(_ id: RequestID, _ reply: Reply) throws(Violation) {
    try ledger.replied(id, reply, by: node, now: now)
  }
}
