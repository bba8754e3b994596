import MachineModel
import ProgressorEngine

/// I10: what the engine holds, and what it has under way.
extension Ledger {
  /// Bounds of a namespace, the widest that it had in this run.
  struct Widest {
    var mailbox: Int
    var steps: Int
    var notifications: Int
  }

  /// The engine took a request in and did not answer at once.
  mutating func held(_ id: RequestID, maximum: Int, widest: Widest) throws(Violation) {
    guard let request = requests[id], request.isHandled else { return }
    let held = heldByNode[request.node, default: 0]
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
    heldByNode[request.node, default: 0] += 1
    if case .call(_, _, nil) = request.operation {
      heldCalls[NodeMachine(node: request.node, machine: request.machine), default: 0] += 1
    }
  }

  func stepsAreBounded(_ number: Int, widest: Widest) throws(Violation) {
    let record = invocations[number]
    let place = NodeNamespace(node: record.node, namespace: record.namespace)
    let count = stepsInFlight[place, default: 0]
    try require(
      count <= widest.steps, .bounds,
      "namespace \(record.namespace.number) has \(count) steps in flight, \(widest.steps) allowed")
  }

  static func queueIsBounded(_ machine: StoredMachine?, widest: Widest) throws(Violation) {
    guard let machine else { return }
    try require(
      machine.notifications.count <= widest.notifications, .bounds,
      "\(machine.row.machine): \(machine.notifications.count) notifications are queued, "
        + "\(widest.notifications) are allowed")
  }
}
