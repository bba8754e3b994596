import MachineModel

/// The last stretch of a step's way: its gate and its memory are free for others, and the machine's
/// next step may begin. Who asked for it hears so: `Requests/Answer`.
extension Engine {
  /// The step ends with this reply, if somebody asked for it.
  mutating func end(_ machine: ResidentMachine, _ reply: Reply) {
    assert(machine.running?.station == nil, "a step that waits at its gate has no reply")
    if !machine.isCommitting {
      if case .error(let error) = reply {
        count(error.code == .unavailable ? .postponed : .refused, machine)
      } else {
        count(.unchanged, machine)
      }
    }
    if let step = machine.running, let id = step.requestID {
      conclude(id, key: step.key?.key, reply, machine)
    }
    end(machine)
  }

  /// An answer that nobody wrote down may leave only while the lease holds.
  mutating func endUncommitted(_ machine: ResidentMachine, _ reply: Reply) {
    assert(!machine.isCommitting, "what is being written is answered when it is durable")
    end(machine, ownership.isTrusted(at: now.uptime) ? reply : .error(.notOwner))
  }

  /// There is no such namespace any more: nothing can be written for the step.
  mutating func endInGoneNamespace(_ machine: ResidentMachine) {
    assert(namespaces[machine.namespace.number] !== machine.namespace, "what is gone is not there")
    endUncommitted(machine, .error(.namespaceNotFound(machine.id.namespace)))
  }

  /// The step ends; nothing of it is in the way of the next one.
  mutating func end(_ machine: ResidentMachine) {
    guard let step = machine.running else { return assertionFailure("a step ends once") }
    machine.stepEnded()
    machine.unqueue(step.item)
    leaveGate(step, machine)
    if step.goesOn { goOn(step, machine) }
    answerWaiting(machine)
    // A machine with more to do stands behind those that wait for a turn.
    if !machine.timeoutQueued, !machine.deliveryQueued,
      machine.namespace.schedule.isDue(at: now.wall)
    {
      schedule.leave(machine)
    }
    becomeDue(machine)
    ready.add(machine)
  }

  /// What the step's request wants next comes before all others, unless it is answered.
  private mutating func goOn(_ step: RunningStep, _ machine: ResidentMachine) {
    guard let id = step.requestID else {
      return assertionFailure("only a request has another step")
    }
    guard let pending = requests[id] else {
      // Its caller went away in between: nothing is known of what it wanted under its key.
      if let key = step.key { settle(key.key, owner: id, .error(.cancelled), machine) }
      return
    }
    if pending.isCancelled { return drop(id, .error(.cancelled)) }
    pending.goOn(at: now.uptime)
    if let next = pending.work.step {
      machine.mailbox.prepend(.request(id), endsWithMachine: next.endsWithMachine)
    } else {
      accept(id, machine)
    }
  }

  /// The step cannot go on now, through no fault of the machine: a caller hears why, a timeout or
  /// delivery comes again in a while.
  mutating func abandon(
    _ machine: ResidentMachine, _ error: ProgressorError, pause: Int64 = Engine.shortPause
  ) {
    guard let step = machine.running else { return assertionFailure("a step is given up once") }
    count(.postponed, machine)
    machine.stepEnded()
    leaveGate(step, machine)
    if let id = step.requestID {
      conclude(id, key: step.key?.key, .error(error), machine)
    }
    answerWaiting(machine)
    if step.requestID == nil { rearm(machine, after: pause) }
    ready.add(machine)
  }

  /// The step is over, or begins anew: it stands in nobody's way any more. It is not the machine's
  /// running one any longer.
  mutating func leaveGate(_ step: RunningStep, _ machine: ResidentMachine) {
    assert(machine.running == nil, "a step that is over is not its machine's")
    assert(!calls.contains(step.id), "a step is over after its call")
    assert(step.station == nil || step.passage == .before, "a step that waits did not come near")
    let namespace = machine.namespace
    let gate = namespace.gate
    if let station = step.station { gate.remove(machine, from: station) }
    stepMemory.release(step, namespace)
    // What it was to take out, and did not, is still to be delivered.
    if machine.outbox.cancel([]) { messages.rescan(now) }
    switch step.passage {
    case .before: break
    case .preparing: gate.endPreparing()
    case .passed:
      gate.leave(wasAside: step.isAside)
      if gate.steps == 0 { answerQuietWaiters(namespace) }
    }
    // Permits that were kept for it may go back.
    let waited = step.station == .waiting
    if step.passage == .passed || waited || gate.hasOutside || stepMemory.waits(namespace) {
      ready.add(namespace)
    }
  }

  /// What waited for the end of the step that is over.
  private mutating func answerWaiting(_ machine: ResidentMachine) {
    assert(machine.running == nil, "what waits for a step goes on behind it")
    retryNotifies(machine)
    retryReads(machine)
  }
}
