import MachineModel

/// How machines come into memory and leave it: what the parts of the engine have of one, together.
extension Engine {
  /// The machine in memory; a new one knows nothing yet. It is not idle until `becameIdle` says so.
  mutating func machine(
    _ id: MachineID, _ shard: OwnedShard, _ namespace: NamespaceState
  ) -> ResidentMachine {
    if let machine = residency[id] {
      if machine.namespace === namespace {
        residency.becameBusy(machine)
        return machine
      }
      disown(machine)
    }
    // The namespace's name once for all of its machines.
    let id = MachineID(namespace: namespace.settings.name, id: id.id)
    let machine = ResidentMachine(
      id: id, shard: shard, namespace: namespace, windowBytes: configuration.historyWindowBytes)
    assert(ownership.holds(shard), "a machine comes into memory with an owned shard")
    shard.insert(machine)
    residency.insert(machine)
    return machine
  }

  /// Called when nothing may refer to the machine any more: it stays as long as memory allows.
  mutating func becameIdle(_ machine: ResidentMachine) {
    guard machine.isIdle, !machine.isDropped else { return }
    guard machine.row != nil else { return forget(machine) }
    assert(machine.running == nil, "a machine that takes a step is not idle")
    residency.becameIdle(machine)
  }

  /// Those that were not used for the longest time leave first.
  mutating func evictIdleMachines() {
    while let machine = residency.nextToLeave {
      Visits.note(1)
      guard machine.isIdle else {
        assertionFailure("a machine is listed as idle, and is not")
        residency.becameBusy(machine)
        continue
      }
      counts.evictions += 1
      forget(machine)
    }
  }

  /// Lets go of a machine. What comes for it later, and its entries in heaps, find it dropped.
  mutating func forget(_ machine: ResidentMachine) {
    assert(
      machine.row != nil || machine.isUnknown
        || !machine.namespace.schedule.holds(machine.id),
      "a machine that is not there has no timer")
    machine.dropped()
    schedule.leave(machine)
    stepMemory.releaseKept(machine)
    residency.remove(machine)
    machine.shard.remove(machine)
  }
}
