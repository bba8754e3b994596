import DequeModule
import MachineModel

/// Idle machines in the order in which they were last used, about: the first to leave memory.
struct EvictionQueue {
  var queue: Deque<ResidentMachine> = []
  /// Bytes of all machines that were charged.
  var bytes = 0
}

extension Engine {
  /// The machine in memory; a new one knows nothing yet.
  mutating func machine(
    _ id: MachineID, _ shard: ShardID, _ namespace: NamespaceState
  ) -> ResidentMachine {
    if let machine = machines[id] {
      machine.wasUsed = true
      return machine
    }
    let machine = ResidentMachine(
      id: id, shard: shard, namespace: namespace, windowBytes: configuration.historyWindowBytes)
    machines[id] = machine
    return machine
  }

  /// Called when nothing refers to the machine any more: it stays as long as memory allows.
  mutating func becameIdle(_ machine: ResidentMachine) {
    guard machine.isIdle, !machine.isDropped else { return }
    guard machine.row != nil else { return forget(machine) }
    eviction.bytes += machine.bytes - machine.chargedBytes
    machine.chargedBytes = machine.bytes
    if !machine.isQueuedForEviction {
      machine.isQueuedForEviction = true
      eviction.queue.append(machine)
    }
  }

  /// Second chance: a machine that was used since it was queued goes to the end once more.
  mutating func evictIdleMachines() {
    var chances = eviction.queue.count
    while eviction.bytes > configuration.residentBytes, let machine = eviction.queue.popFirst() {
      machine.isQueuedForEviction = false
      if machine.isDropped || !machine.isIdle { continue }
      if machine.wasUsed, chances > 0 {
        chances -= 1
        machine.wasUsed = false
        machine.isQueuedForEviction = true
        eviction.queue.append(machine)
      } else {
        counts.evictions += 1
        forget(machine)
      }
    }
  }

  /// Lets go of a machine. Its entries in heaps and queues find it dropped.
  mutating func forget(_ machine: ResidentMachine) {
    machine.isDropped = true
    becameInactive(machine)
    eviction.bytes -= machine.chargedBytes
    machine.chargedBytes = 0
    if machines[machine.id] === machine { machines[machine.id] = nil }
  }

  func slot(of shard: ShardID) -> Int { Int(shard.number) % slots.count }
}
