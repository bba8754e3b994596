import MachineModel

/// The second stretch of a step's way, through its namespace's gate to its processor: at once if
/// the namespace's limits allow, or from among those that wait (`Gate/Waiting`). With the
/// processor's answer it goes on in `Step/Conclude`.
extension Engine {
  /// To the processor, as soon as the namespace's limits allow.
  mutating func enterGate(_ machine: ResidentMachine) {
    assert(machine.running?.isDeciding == true, "a step enters the gate that waits for nothing")
    assert(machine.running?.passage == .preparing, "a step is prepared before it enters the gate")
    if machine.mailbox.hasUrgent { return stepBack(machine) }
    machine.namespace.gate.donePreparing(machine)
    if let step = machine.running { stepMemory.hold(step.bytesOfHistory, machine) }
    if machine.namespace.gate.isFree {
      invoke(machine)
    } else {
      wait(machine, at: .waiting)
      machine.namespace.counts.waited += 1
    }
  }

  /// How late a timer may be said to be: a day.
  static let maximumLateness: Int64 = 86_400_000_000

  /// Calls the processor with the machine as it is.
  mutating func invoke(_ machine: ResidentMachine) {
    guard let step = machine.running else {
      return assertionFailure("only a step that runs calls its processor")
    }
    assert(step.isDeciding && step.passage == .before, "a step calls its processor once")
    guard ownership.isTrusted(at: now.uptime) else { return abandon(machine, .notOwner) }
    if let request = step.request, request.deadline <= now.uptime {
      return end(machine, .error(.deadlineExceeded))
    }
    guard let serial = machine.shard.nextSerial() else {
      return abandon(machine, .serialsUsedUp(machine.shard.id))
    }
    let view = StepView(machine, now: now)
    guard let question = step.operation.question(view, serial: serial) else { return end(machine) }
    if step.item == .timeout, let timer = machine.row?.timer {
      // Who means 'at once' may say the year 1.
      let lateness = now.wall.microseconds.saturatingAdd(-timer.due.microseconds)
      counts.timerLateness.add(min(lateness, Engine.maximumLateness))
    }
    machine.namespace.gate.pass()
    step.ask(
      RunningStep.Asking(
        attempt: question.attempt, serial: serial, since: now.uptime, beganAt: now.wall),
      as: question.name)
    calls.began(step.id, machine)
    effects.append(
      .invoke(
        Invocation(
          step: step.id, attempt: question.attempt, namespace: machine.namespace.number,
          stimulus: question.stimulus, machine: question.machine, stepToken: question.token,
          epoch: machine.shard.epoch,
          deadline: step.request?.deadline
            ?? now.uptime.saturatingAdd(question.timeout).saturatingAdd(Invocation.longestWait),
          timeout: question.timeout, context: question.context,
          waitsForEndpoint: step.requestID != nil)))
  }
}
