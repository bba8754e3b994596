extension Engine {
  /// What of the engine's memory contradicts itself between two turns: something that is held for
  /// nobody, or that stands where nobody looks for it. nil = nothing. For the simulation: it looks at
  /// everything.
  package func inconsistency() -> String? {
    for machine in machines.values {
      if let problem = inconsistency(of: machine) { return "\(machine.id) \(problem)" }
    }
    let charged = machines.values.reduce(0) { $0 + $1.chargedBytes }
    if residency.bytes != charged { return "\(residency.bytes) bytes are charged, not \(charged)" }
    let listed = machines.values.count { $0.isListed }
    if residency.idle.count != listed {
      return "\(residency.idle.count) machines are listed as idle"
    }
    let inShards = shards.values.reduce(0) { $0 + $1.machines.count }
    if inShards != machines.count { return "\(inShards) machines are in the shards" }
    let held = machines.values.reduce(0) { $0 + ($1.running?.heldBytes ?? 0) }
    if stepMemory.bytes != held {
      return "\(stepMemory.bytes) bytes are held by steps, not \(held)"
    }
    if residency.bytes > configuration.residentBytes, listed > 0 {
      return "idle machines take more memory than they may"
    }
    let ofMachines = machines.values.reduce(0) { $0 + $1.requests.count }
    if requests.values.count(where: { $0.machine != nil }) != ofMachines {
      return "\(ofMachines) requests are the machines'"
    }
    let timers = namespaces.values.reduce(0) { $0 + $1.timers.count }
    if turns.timerCount != timers { return "\(turns.timerCount) timers are counted, not \(timers)" }
    for namespace in namespaces.values {
      if let problem = inconsistency(of: namespace) {
        return "\(namespace.settings.name) \(problem)"
      }
    }
    return nil
  }

  private func inconsistency(of machine: ResidentMachine) -> String? {
    if machine.isDropped { return "is dropped and in memory" }
    if machine.isIdle != machine.isListed { return "is idle and not listed so, or listed and not" }
    if shards[machine.shard]?.machines.contains(machine) != true { return "is in no shard" }
    if !machine.requests.allSatisfy({ requests[$0]?.machine === machine }) {
      return "has requests that ended"
    }
    if !machine.waitingReads.isSubset(of: machine.requests) { return "has reads that ended" }
    for key in machine.keys.values where !key.allWaiters.allSatisfy({ requests[$0] != nil }) {
      return "has a key on which somebody waits who went away"
    }
    let isGated = machine.running?.phase == .gated
    let isQueued = machine.namespace.waiting.contains(machine)
    let isQueuedOutside =
      machine.namespace.outside.contains(machine) || machine.namespace.large.contains(machine)
    if isGated != (isQueued || isQueuedOutside) { return "is at the gate and in no queue, or not" }
    return nil
  }

  private func inconsistency(of namespace: NamespaceState) -> String? {
    let waiting =
      namespace.waiting.elements + namespace.outside.elements + namespace.large.elements
    if waiting.contains(where: \.isDropped) { return "has dropped machines at its gate" }
    if !namespace.quietWaiters.elements.allSatisfy({ requests[$0] != nil }) {
      return "has somebody waiting for quiet who went away"
    }
    let mayGoOn = !shards.isEmpty && lease.isTrusted(at: now.uptime) && !namespace.parks
    let isFull = namespace.awaitsRoom && namespace.active >= namespace.activeLimit
    if mayGoOn, namespace.timers.isDue(at: now.wall), !namespace.hasTurns, !isFull {
      return "has machines that are due, and no turn"
    }
    return nil
  }
}
