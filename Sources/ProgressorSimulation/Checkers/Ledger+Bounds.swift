import MachineModel
import ProgressorEngine

/// I10: what the engine holds, and what it has under way.
extension Ledger {
  /// Bounds of a namespace, the widest that it had in this run.
  struct Widest {
    var mailbox: Int
    var steps: Int
    var calls: Int
    var notifications: Int
  }

  /// The engine took a request in and did not answer at once.
  mutating func held(_ id: RequestID, maximum: Int, widest: Widest) throws(Violation) {
    guard let request = requests[id], request.isHandled else { return }
    let held = heldByCore[NodeEngine(node: request.node, core: id.core), default: 0]
    try require(held <= maximum, .bounds, "\(held) requests are held, \(maximum) are allowed")
    guard case .call(_, _, nil) = request.operation else { return }
    let calls = heldCalls[NodeMachine(node: request.node, machine: request.machine), default: 0]
    try require(
      calls <= widest.mailbox + 1, .bounds,
      "\(request.machine): \(calls) calls are held, the mailbox has \(widest.mailbox)")
  }

  /// The engine takes a request in.
  mutating func taken(_ id: RequestID) {
    guard let request = requests[id], !request.isHandled else { return }
    requests[id]?.isHandled = true
    if !request.mayWait {
      heldByCore[NodeEngine(node: request.node, core: id.core), default: 0] += 1
    }
    if case .call(_, _, nil) = request.operation {
      heldCalls[NodeMachine(node: request.node, machine: request.machine), default: 0] += 1
    }
  }

  /// An invocation has begun: so many may be under way on all cores of the node together, and so
  /// many steps with those whose answers are being written.
  func isBounded(_ number: Int, widest: Widest) throws(Violation) {
    let record = invocations[number]
    let place = NodeNamespace(node: record.node, namespace: record.namespace)
    let calls = callsInFlight[place, default: 0]
    try require(
      calls <= widest.calls, .bounds,
      "namespace \(record.namespace.number) has \(calls) calls in flight, "
        + "\(widest.calls) allowed")
    let steps = calls + stepsBeingWritten[place, default: 0]
    try require(
      steps <= widest.steps, .bounds,
      "namespace \(record.namespace.number) has \(steps) steps in flight, "
        + "\(widest.steps) allowed")
  }

  static func queueIsBounded(_ machine: StoredMachine?, widest: Widest) throws(Violation) {
    guard let machine else { return }
    try require(
      machine.notifications.count <= widest.notifications, .bounds,
      "\(machine.row.machine): \(machine.notifications.count) notifications are queued, "
        + "\(widest.notifications) are allowed")
  }
}
