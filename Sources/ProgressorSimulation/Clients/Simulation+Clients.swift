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
    var operation = drawn.operation
    if case .dropNotification = operation {
      operation = .dropNotification(id: notification(of: drawn.machine))
    }
    operation = operation.of(message: message(of: drawn.machine))
    if case .get(let range, .afterEvent) = operation {
      let last = storage.machines[drawn.machine]?.row.lastEventID ?? 0
      operation = .get(range: range, wait: .afterEvent(max(0, last + random.within(-2...3))))
    }
    if case .watch(var query) = operation, let shown = watched[drawn.machine], random.chance(0.8) {
      (query.after, query.since) = (shown.after, shown.mark)
      operation = .watch(query)
    }
    let id = send(
      operation, to: drawn.machine, tag: drawn.tag, patience: drawn.patience, via: node)
    if plan.strikes(.cancellation, &random) {
      agenda.plan(.cancel(id), after: random.duration(upTo: 2_000_000))
    }
  }

  /// Mostly one that is queued: the head, or any.
  private func notification(of machine: MachineID) -> String {
    let queue = storage.machines[machine]?.notifications ?? []
    let one = random.chance(0.5) ? queue.first : random.pick(queue)
    return one.map { random.chance(0.95) ? $0.notificationID : $0.notificationID + "0" } ?? "0-1"
  }

  /// One that its machine has sent, or none.
  private func message(of machine: MachineID) -> Int64 {
    guard let row = storage.machines[machine]?.row else { return 1 }
    let own = storage.messages[Incarnation(shard: row.shard, key: row.key)] ?? [:]
    let number = random.pick(own.keys.sorted()) ?? 1
    return random.chance(0.95) ? number : number + 1
  }

  /// What a watcher was shown last, behind which it asks on.
  struct Watched {
    var after: Int64
    var mark: MachineMark
  }

  /// A watcher is answered.
  func watches(_ request: ClientRequest, _ reply: Reply) {
    guard case .watch(let query) = request.operation else { return }
    if case .watched(let machine, let mark) = reply {
      watched[request.machine] = Watched(
        after: machine.history.last?.id ?? query.after, mark: mark)
    } else {
      watched[request.machine] = nil
    }
  }

  /// The owner of the machine's shard mostly, sometimes another node.
  func node(for machine: MachineID) -> SimulatedNode? {
    let shard = ShardID(of: machine, shards: world.configuration.shards)
    let up = nodes.filter(\.isUp)
    if !isQuiet, random.chance(0.05) { return random.pick(up) }
    return up.first { $0.owned[shard] != nil } ?? random.pick(up)
  }

  /// Returns one of the ids when every core is asked.
  @discardableResult
  func send(
    _ operation: Operation, to machine: MachineID, tag: UInt64, patience: Int64,
    via node: SimulatedNode
  ) -> RequestID {
    if case .awaitQuiet = operation {
      for core in 1..<world.cores {
        send(operation, to: machine, tag: tag, patience: patience, CoreNumber(core), of: node)
      }
    }
    let core = core(for: operation, machine)
    return send(operation, to: machine, tag: tag, patience: patience, core, of: node)
  }

  /// The one that has the machine; a list is anybody's, and a namespace is quiet when it is so for
  /// all.
  private func core(for operation: Operation, _ machine: MachineID) -> CoreNumber {
    guard world.cores > 1 else { return CoreNumber(0) }
    switch operation {
    case .awaitQuiet: return CoreNumber(0)
    case .list, .count: return CoreNumber(Int32(random.below(Int(world.cores))))
    default:
      let shard = ShardID(of: machine, shards: world.configuration.shards)
      return ShardPart.core(of: shard, cores: world.cores)
    }
  }

  @discardableResult
  private func send(
    _ operation: Operation, to machine: MachineID, tag: UInt64, patience: Int64,
    _ core: CoreNumber, of node: SimulatedNode
  ) -> RequestID {
    let id = RequestID(requestNumbers[Int(core.number)].next())
    let deadline = agenda.now + patience
    var request = ClientRequest(
      id: id, node: node.number, life: node.life, machine: machine, operation: operation,
      tag: tag, sentAt: agenda.now, deadline: deadline)
    request.expected = expectation(of: operation, machine)
    request.maySeePast = agenda.now < leasesDisagreeUntil
    request.isExcused = node.generation != storage.generation
    ledger.sent(
      request, stored: storage.machines[machine],
      earlier: nodes.flatMap { $0.batches.values.compactMap { $0.earlier[machine] } })
    deliver(
      .request(
        Request(
          id: id, machine: machine, operation: operation, deadline: deadline,
          context: CallerContext(principal: Tag.principal(of: tag)),
          expectedLastEventID: request.expected)), to: node)
    agenda.plan(.overdue(id), at: deadline + 100_000)
    return id
  }

  /// Some are for the machine as it is, or as it was or may become.
  private func expectation(of operation: Operation, _ machine: MachineID) -> Int64? {
    switch operation {
    case .call, .notify, .repair, .startOrCall, .startOrNotify: break
    default: return nil
    }
    guard !isQuiet, random.chance(world.expecting) else { return nil }
    let last = storage.machines[machine]?.row.lastEventID ?? 0
    return random.chance(0.5) ? last : max(0, last + random.within(-2...2))
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
    if let core = alive(request.node, request.life, id.core),
      core.restsUntil > agenda.now || !core.inbox.isEmpty
    {
      return agenda.plan(.overdue(id), at: max(core.restsUntil, agenda.now) + 100_000)
    }
    throw Violation(
      .everythingFinishes,
      "\(request.machine): \(request.operation.name) \(id.number) has no answer at its deadline")
  }
}

extension Operation {
  /// The operation, about this message of its machine.
  fileprivate func of(message: Int64) -> Operation {
    switch self {
    case .dropMessage: .dropMessage(message)
    case .retryMessage: .retryMessage(message)
    default: self
    }
  }
}
