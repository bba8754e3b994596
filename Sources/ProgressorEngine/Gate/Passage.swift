import MachineModel

/// A step's way through its namespace's gate, as far as there is memory for its history.
extension Engine {
  /// Begins to prepare a step, or lets it wait until fewer of its namespace are under way.
  mutating func approachGate(_ machine: ResidentMachine) {
    let namespace = machine.namespace
    guard machine.running?.operation.asksProcessor == true else { return prepare(machine) }
    if namespace.gate.mayPrepare, !namespace.gate.hasOutside, stepMemory.reserve(.small, machine) {
      return prepareStep(machine)
    }
    wait(machine, at: .outside)
    namespace.counts.waited += 1
  }

  private mutating func wait(_ machine: ResidentMachine, at station: Gate.Station) {
    machine.running?.phase = .gated(station)
    machine.namespace.gate.wait(machine, at: station)
    ready.add(machine.namespace)
  }

  /// The step's history is not small: it is read when there is room for the largest.
  mutating func awaitRoom(_ machine: ResidentMachine) {
    donePreparing(machine)
    stepMemory.giveBack(machine)
    // It is answered without its history.
    if machine.namespace.settings.pause != nil { return execute(machine) }
    wait(machine, at: .large)
  }

  private mutating func prepareStep(_ machine: ResidentMachine) {
    machine.running?.phase = .deciding
    machine.running?.passage = .preparing
    machine.namespace.gate.beginPreparing()
    prepare(machine)
  }

  /// To the processor, as soon as the namespace's limits allow.
  mutating func enterGate(_ machine: ResidentMachine) {
    if machine.mailbox.hasUrgent { return stepBack(machine) }
    donePreparing(machine)
    if let step = machine.running { stepMemory.hold(step.bytesOfHistory, machine) }
    if machine.namespace.gate.isFree {
      invoke(machine)
    } else {
      wait(machine, at: .waiting)
      machine.namespace.counts.waited += 1
    }
  }

  func donePreparing(_ machine: ResidentMachine) {
    guard machine.running?.passage == .preparing else { return }
    machine.running?.passage = .before
    machine.namespace.gate.endPreparing()
  }

  /// Lets a namespace's next steps through its gate, and others come near.
  mutating func openGate(_ namespace: NamespaceState) {
    let gate = namespace.gate
    while true {
      if let machine = gate.popWaiting() {
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
    for _ in 0..<max(1, stepMemory.waitingCount) {
      guard let namespace = stepMemory.next else { return }
      Visits.note(1)
      openGate(namespace)
      drain()
    }
  }

  /// Whether a step whose turn it is may go on; if not, it ended.
  private mutating func mayGoOn(_ machine: ResidentMachine) -> Bool {
    // It stands in no queue any more.
    machine.running?.phase = .deciding
    if let id = machine.running?.requestID, requests[id] == nil {
      end(machine)
    } else if !ownership.isTrusted(at: now.uptime) {
      abandon(machine, .notOwner)
    } else {
      return true
    }
    return false
  }

  /// The step is over, or begins anew: it stands in nobody's way any more. It is not the machine's
  /// running one any longer.
  mutating func leaveGate(_ step: RunningStep, _ machine: ResidentMachine) {
    let namespace = machine.namespace
    let gate = namespace.gate
    if let station = step.station { gate.remove(machine, from: station) }
    stepMemory.release(step, namespace)
    switch step.passage {
    case .before: break
    case .preparing: gate.endPreparing()
    case .passed:
      gate.leave(wasAside: step.isAside)
      if gate.steps == 0 { answerQuietWaiters(namespace) }
    }
    if step.passage == .passed || gate.hasOutside || stepMemory.waits(namespace) {
      ready.add(namespace)
    }
  }

  /// A step that waits at the gate has not begun: what is more urgent goes first, then it begins
  /// anew.
  mutating func stepBack(_ machine: ResidentMachine) {
    guard let step = machine.running else { return }
    machine.running = nil
    machine.mailbox.prepend(step.item, endsWithMachine: step.operation.endsWithMachine)
    leaveGate(step, machine)
    ready.add(machine)
  }
}
