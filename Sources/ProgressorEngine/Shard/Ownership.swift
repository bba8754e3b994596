import MachineModel

/// Which shards and namespaces there are, and what happens to machines when that changes.
extension Engine {
  mutating func acquire(_ grants: [ShardGrant]) {
    for grant in grants {
      if let held = shards[grant.shard], held.epoch >= grant.epoch { continue }
      if shards[grant.shard] != nil { lose([grant.shard]) }
      shards[grant.shard] = ShardState(epoch: grant.epoch)
    }
    for namespace in namespacesInOrder { rescan(namespace) }
  }

  /// In an order that is the same in every run.
  private var namespacesInOrder: [NamespaceState] {
    namespaces.values.sorted { $0.number.number < $1.number.number }
  }

  mutating func lose(_ lost: Set<ShardID>) {
    var gone: [ResidentMachine] = []
    for shard in lost {
      if let state = shards.removeValue(forKey: shard) { gone += state.machines }
    }
    if shards.isEmpty { lease.lost() }
    forgetTimers(of: lost)
    let count = configuration.shards
    damagePauses.forget { lost.contains(ShardID(of: $0, shards: count)) }
    // In an order that is the same in every run: what is let through the gates depends on it.
    gone.sort { $0.id < $1.id }
    Visits.note(gone.count)
    for machine in gone { detach(machine) }
    tell(gone.flatMap(\.requests), .notOwner)
  }

  private mutating func tell(_ requests: some Sequence<RequestID>, _ error: ProgressorError) {
    for id in requests.sorted(by: { $0.number < $1.number }) {
      Visits.note(1)
      tell(id, error)
    }
  }

  /// Lets go of one machine whose memory cannot be trusted; it is read again when it is needed.
  mutating func drop(
    _ machine: ResidentMachine, _ error: ProgressorError, pause: Int64 = Engine.shortPause
  ) {
    guard !machine.isDropped else { return }
    detach(machine)
    tell(machine.requests, error)
    // Whatever it had to do by itself is found again from its row.
    if shards[machine.shard] != nil { lookAgain(machine, position: nil, after: pause) }
  }

  /// Takes a machine out of everything that refers to it.
  private mutating func detach(_ machine: ResidentMachine) {
    forget(machine)
    slots[slot(of: machine.shard)].abandon(machine)
    if let step = machine.running {
      machine.running = nil
      if steps.removeValue(forKey: step.id) != nil { machine.namespace.invocationEnded() }
      leaveGate(step, machine)
    }
    agenda.add(machine.namespace)
  }

  mutating func namespacesChanged(_ records: [NamespaceRecord]) {
    var next: [ExactText: NamespaceState] = [:]
    namespaceNames = [:]
    for record in records {
      namespaceNames[record.number] = ExactText(record.namespace.name)
      if let known = namespaces[ExactText(record.namespace.name)], known.number == record.number {
        known.settings = record.namespace
        next[ExactText(record.namespace.name)] = known
      } else {
        next[ExactText(record.namespace.name)] = NamespaceState(record)
      }
    }
    for (name, namespace) in namespaces where next[name] !== namespace {
      dissolve(namespace)
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
        agenda.add(namespace)
      }
    }
  }
}
