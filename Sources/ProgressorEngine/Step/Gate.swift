import MachineModel

/// The gate of a namespace: so many steps run at once, and few more have their machines read and
/// wait, as far as there is memory for their histories. All others wait with nothing read for them.
extension Engine {
  /// Begins to prepare a step, or lets it wait until fewer of its namespace are under way.
  mutating func approachGate(_ machine: ResidentMachine) {
    let namespace = machine.namespace
    guard machine.running?.operation.asksProcessor == true else { return prepare(machine) }
    if namespace.mayPrepare, namespace.outside.isEmpty, namespace.large.isEmpty,
      reserve(.small, machine)
    {
      return prepareStep(machine)
    }
    machine.running?.phase = .gated
    machine.running?.station = .outside
    namespace.outside.append(machine)
    namespace.counts.waited += 1
    agenda.add(namespace)
  }

  /// The step's history is not small: it is read when there is room for the largest.
  mutating func awaitRoom(_ machine: ResidentMachine) {
    donePreparing(machine)
    giveBack(machine)
    // It is answered without its history.
    if machine.namespace.settings.pause != nil { return execute(machine) }
    machine.running?.phase = .gated
    machine.running?.station = .large
    machine.namespace.large.append(machine)
    agenda.add(machine.namespace)
  }

  private mutating func prepareStep(_ machine: ResidentMachine) {
    machine.running?.phase = nil
    machine.running?.isPreparing = true
    machine.namespace.preparing += 1
    prepare(machine)
  }

  /// To the processor, as soon as the namespace's limits allow.
  mutating func enterGate(_ machine: ResidentMachine) {
    if machine.mailbox.hasUrgent { return stepBack(machine) }
    donePreparing(machine)
    if let step = machine.running { hold(step.bytesOfHistory, machine) }
    if machine.namespace.isOpen, machine.namespace.waiting.isEmpty {
      invoke(machine)
    } else {
      machine.running?.phase = .gated
      machine.running?.station = .waiting
      machine.namespace.waiting.append(machine)
      machine.namespace.counts.waited += 1
      agenda.add(machine.namespace)
    }
  }

  func donePreparing(_ machine: ResidentMachine) {
    guard machine.running?.isPreparing == true else { return }
    machine.running?.isPreparing = false
    machine.namespace.preparing -= 1
  }

  /// Lets a namespace's next steps through its gate, and others come near.
  mutating func openGate(_ namespace: NamespaceState) {
    while true {
      if namespace.isOpen, let machine = namespace.waiting.popFirst() {
        if mayGoOn(machine) { invoke(machine) }
      } else if namespace.mayPrepare,
        let machine = namespace.large.first ?? namespace.outside.first,
        reserve(namespace.large.isEmpty ? .small : .large, machine)
      {
        namespace.large.remove(machine)
        namespace.outside.remove(machine)
        if mayGoOn(machine) { prepareStep(machine) }
      } else {
        break
      }
    }
    // What the namespace's own limits keep waiting comes here again when a step of it is over.
    if !namespace.mayPrepare || (namespace.large.isEmpty && namespace.outside.isEmpty) {
      stopWaitingForMemory(namespace)
    }
  }

  /// Whether a step whose turn it is may go on; if not, it ended.
  private mutating func mayGoOn(_ machine: ResidentMachine) -> Bool {
    // It stands in no queue any more.
    machine.running?.phase = nil
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
    if step.phase == .gated {
      switch step.station {
      case .waiting: namespace.waiting.remove(machine)
      case .outside: namespace.outside.remove(machine)
      case .large: namespace.large.remove(machine)
      }
    }
    release(step, namespace)
    if step.isPreparing { namespace.preparing -= 1 }
    if step.isAside, step.holdsGate { namespace.aside -= 1 }
    if step.holdsGate { stepLeft(namespace) }
    if step.holdsGate || !namespace.outside.isEmpty || !namespace.large.isEmpty
      || stepMemory.waits(namespace)
    {
      agenda.add(namespace)
    }
  }

  /// A step of the namespace is over.
  private mutating func stepLeft(_ namespace: NamespaceState) {
    namespace.stepEnded()
    if namespace.steps == 0 { answerQuietWaiters(namespace) }
  }

  /// A step that waits at the gate has not begun: what is more urgent goes first, then it begins
  /// anew.
  mutating func stepBack(_ machine: ResidentMachine) {
    guard let step = machine.running else { return }
    machine.running = nil
    machine.mailbox.prepend(step.item, endsWithMachine: step.operation.endsWithMachine)
    leaveGate(step, machine)
    agenda.add(machine)
  }
}

extension NamespaceState {
  /// Machines that are read for steps, or wait at the gate, beside those that could run at once.
  static let maximumAhead = 256

  /// Whether another step may have its machine read.
  var mayPrepare: Bool {
    let free = max(0, min(freeSteps, invocationLimit - invocations))
    return preparing + waiting.count < free + NamespaceState.maximumAhead
  }
}
