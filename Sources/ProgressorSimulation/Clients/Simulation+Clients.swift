import MachineModel
import ProgressorEngine

/// The clients' shell: arrivals, cancellations, and the clock of their patience.
extension Simulation {
  func arrive() {
    guard !isQuiet else { return }
    agenda.plan(.arrival, after: random.within(1...2 * world.arrivalInterval))
    sendNext()
  }

  func sendNext() {
    lastArrival += 1
    var source = RandomSource(seed: seed, UInt64(lastArrival), 1)
    let drawn = workload.next(&plan, &source)
    if let decisions, !decisions.requests.contains(lastArrival) { return }
    if plan.isRecording { sentArrivals.insert(lastArrival) }
    guard let node = node(for: drawn.machine) else { return }
    let id = send(
      drawn.operation, to: drawn.machine, tag: drawn.tag, patience: drawn.patience, via: node)
    if plan.strikes(.cancellation, &random) {
      agenda.plan(.cancel(id), after: random.duration(upTo: 2_000_000))
    }
  }

  /// The owner of the machine's shard mostly, sometimes another node.
  func node(for machine: MachineID) -> SimulatedNode? {
    let shard = ShardID(of: machine, shards: world.configuration.shards)
    let up = nodes.filter(\.isUp)
    if !isQuiet, random.chance(0.05) { return random.pick(up) }
    return up.first { $0.owned[shard] != nil } ?? random.pick(up)
  }

  @discardableResult
  func send(
    _ operation: Operation, to machine: MachineID, tag: UInt64, patience: Int64,
    via node: SimulatedNode
  ) -> RequestID {
    lastRequest += 1
    let id = RequestID(lastRequest)
    let deadline = agenda.now + patience
    var request = ClientRequest(
      id: id, node: node.number, life: node.life, machine: machine, operation: operation,
      tag: tag, sentAt: agenda.now, deadline: deadline)
    request.maySeePast = agenda.now < leasesDisagreeUntil
    request.isExcused = node.generation != storage.generation
    ledger.sent(
      request, stored: storage.machines[machine],
      earlier: nodes.flatMap { $0.batches.values.compactMap { $0.earlier[machine] } })
    deliver(
      .request(
        Request(id: id, machine: machine, operation: operation, deadline: deadline)), to: node)
    agenda.plan(.overdue(id), at: deadline + 100_000)
    return id
  }

  func cancel(_ id: RequestID) {
    guard let request = ledger.requests[id], let node = alive(request.node, request.life) else {
      return
    }
    deliver(.cancelled(id), to: node)
  }

  /// At its deadline a caller is answered, whatever the others do.
  func overdue(_ id: RequestID) throws(Violation) {
    guard let request = ledger.requests[id] else { return }
    let node = nodes[request.node]
    if node.frozenUntil > agenda.now || !node.inbox.isEmpty {
      return agenda.plan(.overdue(id), at: max(node.frozenUntil, agenda.now) + 100_000)
    }
    throw Violation(
      .everythingFinishes,
      "\(request.machine): \(request.operation.name) \(id.number) has no answer at its deadline")
  }
}
