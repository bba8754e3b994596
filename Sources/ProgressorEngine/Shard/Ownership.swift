import MachineModel

/// Which shards and namespaces there are, and what happens to machines when that changes.
extension Engine {
  mutating func acquire(_ grants: [ShardGrant]) {
    for grant in grants {
      if let held = shards[grant.shard], held.epoch >= grant.epoch { continue }
      if shards[grant.shard] != nil { lose([grant.shard]) }
      shards[grant.shard] = ShardState(epoch: grant.epoch)
    }
    lookAhead.rescan(at: now.uptime)
  }

  mutating func lose(_ lost: Set<ShardID>) {
    for shard in lost { shards[shard] = nil }
    if shards.isEmpty {
      lease.lost()
      lookAhead.stop()
    }
    let gone = machines.keys.filter {
      lost.contains(ShardID(of: $0, shards: configuration.shards))
    }
    // In an order that is the same in every run: what is let through the gates depends on it.
    for id in gone.sorted() {
      if let machine = machines[id] { detach(machine) }
    }
    let orphans = requests.values.filter { $0.machine?.isDropped == true }
    for pending in orphans.sorted(by: { $0.request.id.number < $1.request.id.number }) {
      tell(pending.request.id, .notOwner)
    }
  }

  /// Lets go of one machine whose memory cannot be trusted; it is read again when it is needed.
  mutating func drop(_ machine: ResidentMachine, _ error: ProgressorError) {
    guard !machine.isDropped else { return }
    detach(machine)
    let orphans = requests.values.filter { $0.machine === machine }
    for pending in orphans.sorted(by: { $0.request.id.number < $1.request.id.number }) {
      tell(pending.request.id, error)
    }
    // Whatever it had to do by itself is found again from its row.
    if shards[machine.shard] != nil {
      timers.push(now.wall.advanced(byMicroseconds: 500_000), machine.id)
    }
  }

  /// Takes a machine out of everything that refers to it.
  private mutating func detach(_ machine: ResidentMachine) {
    forget(machine)
    if let step = machine.running {
      machine.running = nil
      if steps.removeValue(forKey: step.id) != nil { machine.namespace.invocationEnded() }
      leaveGate(step, machine.namespace)
    }
    let slot = slot(of: machine.shard)
    _ = slots[slot].remove { pending in
      switch pending.origin {
      case .step(let other, _), .notification(let other, _, _): other === machine
      }
    }
    admitWaiting(machine.namespace)
  }

  mutating func namespacesChanged(_ records: [NamespaceRecord]) {
    var next: [ExactText: NamespaceState] = [:]
    for record in records {
      if let known = namespaces[ExactText(record.namespace.name)], known.number == record.number {
        known.settings = record.namespace
        next[ExactText(record.namespace.name)] = known
      } else {
        next[ExactText(record.namespace.name)] = NamespaceState(record)
      }
    }
    namespaces = next
    namespacesAreKnown = true
    for record in records {
      guard let namespace = next[ExactText(record.namespace.name)] else { continue }
      if namespace.settings.pause != nil {
        turnAway(namespace)
      } else {
        answerQuietWaiters(namespace)
        unpark(namespace)
        admitWaiting(namespace)
      }
    }
    // Machines of a namespace that was not known are found now.
    if !shards.isEmpty { lookAhead.rescan(at: now.uptime) }
  }
}
