import MachineModel

/// The gate of a namespace: so many steps run at once, and few more have their machines read and wait.
/// All others wait with nothing read for them, so that the memory of a namespace is bounded.
extension Engine {
  /// Begins to prepare a step, or lets it wait until fewer of its namespace are under way.
  mutating func approachGate(_ machine: ResidentMachine) {
    let namespace = machine.namespace
    guard machine.running?.asksProcessor == true else { return prepare(machine) }
    if namespace.mayPrepare, namespace.outside.isEmpty { return prepareStep(machine) }
    machine.running?.phase = .gated
    machine.running?.isOutside = true
    namespace.outside.append(machine)
    namespace.counts.waited += 1
    admitWaiting(namespace)
  }

  private mutating func prepareStep(_ machine: ResidentMachine) {
    machine.running?.phase = nil
    machine.running?.isOutside = false
    machine.running?.isPreparing = true
    machine.namespace.preparing += 1
    prepare(machine)
  }

  /// To the processor, as soon as the namespace's limits allow.
  mutating func enterGate(_ machine: ResidentMachine) {
    if machine.mailbox.hasUrgent { return stepBack(machine) }
    donePreparing(machine)
    if machine.namespace.isOpen {
      invoke(machine)
    } else {
      machine.running?.phase = .gated
      machine.namespace.waiting.append(machine)
      machine.namespace.counts.waited += 1
    }
  }

  private func donePreparing(_ machine: ResidentMachine) {
    guard machine.running?.isPreparing == true else { return }
    machine.running?.isPreparing = false
    machine.namespace.preparing -= 1
  }

  /// Lets a namespace's next steps through its gate, and others come near.
  mutating func admitWaiting(_ namespace: NamespaceState) {
    // A step that ends at once comes here again: the loop below sees that there is room.
    guard !namespace.isAdmitting else { return }
    namespace.isAdmitting = true
    defer { namespace.isAdmitting = false }
    while true {
      if namespace.isOpen, let machine = namespace.waiting.popFirst() {
        if mayGoOn(machine) { invoke(machine) }
      } else if namespace.mayPrepare, let machine = namespace.outside.popFirst() {
        if mayGoOn(machine) { prepareStep(machine) }
        // It may have stepped back for something urgent.
        advance(machine)
      } else {
        return
      }
    }
  }

  /// Whether a step whose turn it is may go on; if not, it ended.
  private mutating func mayGoOn(_ machine: ResidentMachine) -> Bool {
    // It stands in no queue any more.
    machine.running?.phase = nil
    if let id = machine.running?.requestID, requests[id] == nil {
      end(machine)
    } else if !lease.isTrusted(at: now.uptime) {
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
      if step.isOutside {
        namespace.outside.remove(machine)
      } else {
        namespace.waiting.remove(machine)
      }
    }
    if step.isPreparing { namespace.preparing -= 1 }
    if step.holdsGate { stepLeft(namespace) }
    if step.holdsGate || !namespace.outside.isEmpty { admitWaiting(namespace) }
  }

  /// A step of the namespace is over.
  private mutating func stepLeft(_ namespace: NamespaceState) {
    namespace.stepEnded()
    if namespace.steps == 0 { answerQuietWaiters(namespace) }
  }

  /// A step that waits at the gate has not begun: what is more urgent goes first, then it begins anew.
  mutating func stepBack(_ machine: ResidentMachine) {
    guard let step = machine.running else { return }
    machine.running = nil
    machine.mailbox.prepend(step.item, endsWithMachine: step.endsWithMachine)
    leaveGate(step, machine)
  }
}

extension NamespaceState {
  /// Machines that are read for steps, or wait at the gate, beside those that run.
  static let maximumAhead = 256

  /// Whether another step may have its machine read.
  var mayPrepare: Bool {
    preparing + waiting.count + steps < stepLimit + NamespaceState.maximumAhead
  }
}

extension RunningStep {
  /// It passes the gate, unless it finds out before that there is nothing to ask.
  var asksProcessor: Bool {
    switch item {
    case .timeout, .notification: return true
    case .request:
      switch request?.operation {
      case .start, .call, .repair: return true
      default: return false
      }
    }
  }
}
