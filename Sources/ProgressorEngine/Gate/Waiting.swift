import MachineModel

/// A side road of a step's way: it waits at its namespace's gate until there are permits, or memory
/// for its history, and goes on where it came from, in `Step/Begin` or `Gate/Passage`.
extension Engine {
  mutating func wait(_ machine: ResidentMachine, at station: Gate.Station) {
    assert(machine.running != nil, "only a step that runs waits")
    machine.running?.wait(at: station)
    machine.namespace.gate.wait(machine, at: station)
    ready.add(machine.namespace)
  }

  /// The step's history is not small: it is read when there is room for the largest.
  mutating func awaitRoom(_ machine: ResidentMachine) {
    assert(machine.running?.passage == .preparing, "a step awaits room that is being prepared")
    machine.namespace.gate.donePreparing(machine)
    stepMemory.giveBack(machine)
    // It is answered without its history.
    if machine.namespace.settings.pause != nil { return execute(machine) }
    wait(machine, at: .large)
  }

  /// Lets a namespace's next steps through its gate, and others come near.
  mutating func openGate(_ namespace: NamespaceState) {
    let gate = namespace.gate
    while true {
      if let machine = gate.popWaiting() {
        assert(machine.namespace === namespace, "a step waits at its own namespace's gate")
        if mayGoOn(machine) { invoke(machine) }
      } else if gate.mayPrepare, let (machine, isLarge) = gate.nextOutside,
        stepMemory.reserve(isLarge ? .large : .small, machine)
      {
        gate.remove(machine, from: isLarge ? .large : .outside)
        if mayGoOn(machine) { prepareStep(machine) }
      } else {
        break
      }
    }
    // What the namespace's own limits keep waiting comes here again when a step of it is over.
    if !gate.mayPrepare || !gate.hasOutside { stepMemory.stopWaiting(namespace) }
  }

  /// Whose next step need not wait for memory any more: each comes near its gate.
  mutating func admitWaitingForMemory() {
    assert(ready.isEmpty, "who waits for memory goes on behind all others")
    for _ in 0..<max(1, stepMemory.waitingCount) {
      guard let namespace = stepMemory.next else { return }
      Visits.note(1)
      openGate(namespace)
      drain()
    }
  }

  /// Whether a step whose turn it is may go on; if not, it ended.
  private mutating func mayGoOn(_ machine: ResidentMachine) -> Bool {
    assert(machine.running?.station != nil, "a step goes on that waited")
    // It stands in no queue any more.
    machine.running?.leaveStation()
    if let id = machine.running?.requestID, requests[id] == nil {
      end(machine)
    } else if !ownership.isTrusted(at: now.uptime) {
      abandon(machine, .notOwner)
    } else {
      return true
    }
    return false
  }

  /// A step that waits at the gate has not begun: what is more urgent goes first, then it begins
  /// anew.
  mutating func stepBack(_ machine: ResidentMachine) {
    guard let step = machine.running else {
      return assertionFailure("only a step that runs goes back")
    }
    assert(step.passage != .passed, "a step that passed the gate runs to its end")
    machine.stepEnded()
    machine.mailbox.prepend(step.item, endsWithMachine: step.operation.endsWithMachine)
    leaveGate(step, machine)
    ready.add(machine)
  }
}
