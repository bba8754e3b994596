import MachineModel

/// Machines, the one that came in first before all others. The links are in the machines
/// themselves, so that standing here costs no memory and leaving, from anywhere, a constant time.
struct IdleMachines {
  // Not owners: the engine's table is, and whoever leaves that has left this before.
  private(set) unowned var first: ResidentMachine?
  private unowned var last: ResidentMachine?
  private(set) var count = 0

  mutating func append(_ machine: ResidentMachine) {
    guard !machine.isListed else { return }
    machine.isListed = true
    machine.idleBefore = last
    last?.idleAfter = machine
    last = machine
    if first == nil { first = machine }
    count += 1
  }

  mutating func remove(_ machine: ResidentMachine) {
    guard machine.isListed else { return }
    machine.isListed = false
    if let before = machine.idleBefore {
      before.idleAfter = machine.idleAfter
    } else {
      first = machine.idleAfter
    }
    if let after = machine.idleAfter {
      after.idleBefore = machine.idleBefore
    } else {
      last = machine.idleBefore
    }
    machine.idleBefore = nil
    machine.idleAfter = nil
    count -= 1
  }
}

/// The machines in memory, as far as bytes are concerned: what they take together, and the idle
/// ones in the order in which they were used last, the first to leave first.
struct Residency {
  /// Of all machines in memory.
  private(set) var bytes = 0
  private(set) var idle = IdleMachines()

  /// Takes down what the machine takes now.
  mutating func charge(_ machine: ResidentMachine) {
    if machine.isDropped { return }
    let now = machine.bytes
    bytes += now - machine.chargedBytes
    machine.chargedBytes = now
  }

  /// A request of the machine came (bytes) or ended (−bytes).
  mutating func charge(_ request: Int, to machine: ResidentMachine) {
    machine.requestBytes += request
    machine.chargedBytes += request
    bytes += request
  }

  mutating func becameIdle(_ machine: ResidentMachine) {
    idle.remove(machine)
    idle.append(machine)
  }

  mutating func becameBusy(_ machine: ResidentMachine) { idle.remove(machine) }

  /// The machine leaves memory: nothing of it stays here.
  mutating func remove(_ machine: ResidentMachine) {
    idle.remove(machine)
    // Its requests are told first that it is gone, or stay with nobody for a moment.
    bytes -= machine.chargedBytes
    machine.chargedBytes = 0
    machine.requestBytes = 0
  }
}

extension Engine {
  /// The machine in memory; a new one knows nothing yet. It is not idle until `becameIdle` says so.
  mutating func machine(
    _ id: MachineID, _ shard: OwnedShard, _ namespace: NamespaceState
  ) -> ResidentMachine {
    if let machine = machines[id] {
      residency.becameBusy(machine)
      return machine
    }
    // The namespace's name once for all of its machines.
    let id = MachineID(namespace: namespace.settings.name, id: id.id)
    let machine = ResidentMachine(
      id: id, shard: shard, namespace: namespace, windowBytes: configuration.historyWindowBytes)
    machines[id] = machine
    shard.insert(machine)
    residency.charge(machine)
    return machine
  }

  /// Called when nothing may refer to the machine any more: it stays as long as memory allows.
  mutating func becameIdle(_ machine: ResidentMachine) {
    guard machine.isIdle, !machine.isDropped else { return }
    guard machine.row != nil else { return forget(machine) }
    residency.charge(machine)
    residency.becameIdle(machine)
  }

  /// Those that were not used for the longest time leave first.
  mutating func evictIdleMachines() {
    while residency.bytes > configuration.residentBytes, let machine = residency.idle.first {
      Visits.note(1)
      guard machine.isIdle else {
        residency.becameBusy(machine)
        continue
      }
      counts.evictions += 1
      forget(machine)
    }
  }

  /// Lets go of a machine. What comes for it later, and its entries in heaps, find it dropped.
  mutating func forget(_ machine: ResidentMachine) {
    machine.isDropped = true
    schedule.leave(machine)
    releaseKept(machine)
    residency.remove(machine)
    machine.shard.remove(machine)
    if machines[machine.id] === machine { machines[machine.id] = nil }
  }
}
