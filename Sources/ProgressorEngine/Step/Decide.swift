import MachineModel

/// Where a step's operation decides, and what the engine does of it.
extension Engine {
  /// Everything is in memory.
  mutating func execute(_ machine: ResidentMachine) {
    guard let step = machine.running else { return }
    if case .reply(let row) = step.remembered, let key = step.key {
      return end(machine, row.reply(to: key.fingerprint))
    }
    perform(step.operation.begin(StepView(machine, now: now)), machine)
  }

  mutating func perform(_ decision: Decision, _ machine: ResidentMachine) {
    switch decision {
    case .ask: enterGate(machine)
    case .pass: end(machine)
    case .answer(let reply): endUncommitted(machine, reply)
    case .refuse(let error): end(machine, .error(error))
    case .awaitEndpoint: endpointIsDown(machine)
    case .write(let change, let reply): write(change, machine, reply)
    }
  }

  /// An answer that nobody wrote down may leave only while the lease holds.
  mutating func endUncommitted(_ machine: ResidentMachine, _ reply: Reply) {
    end(machine, ownership.isTrusted(at: now.uptime) ? reply : .error(.notOwner))
  }

  /// Calls the processor with the machine as it is.
  mutating func invoke(_ machine: ResidentMachine) {
    guard let step = machine.running else { return }
    guard ownership.isTrusted(at: now.uptime) else { return abandon(machine, .notOwner) }
    if let request = step.request, request.deadline <= now.uptime {
      return end(machine, .error(.deadlineExceeded))
    }
    guard let serial = machine.shard.nextSerial() else {
      return abandon(machine, .serialsUsedUp(machine.shard.id))
    }
    let view = StepView(machine, now: now)
    guard let question = step.operation.question(view, serial: serial) else { return end(machine) }
    machine.namespace.gate.pass()
    // From here on the invocation has it.
    machine.running?.history.events = nil
    machine.running?.passage = .passed
    machine.running?.phase = .invoking(
      RunningStep.Asking(attempt: question.attempt, serial: serial, since: now.uptime))
    steps[step.id] = machine
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

  mutating func processorAnswered(_ id: StepID, attempt: Int32, _ outcome: ProcessorOutcome) {
    guard let machine = steps[id], let step = machine.running, step.id == id,
      let asking = step.asking, asking.attempt == attempt
    else { return }
    steps[id] = nil
    machine.namespace.gate.invocationEnded()
    stepMemory.hold(outcome.bytes, machine)
    defer { ready.add(machine.namespace) }
    let verdict = Verdict(outcome, limits: configuration, now: now.wall)
    if case .unreachable = verdict {} else { machine.namespace.outages = 0 }
    machine.namespace.counts.count(verdict.counted)
    machine.namespace.counts.callDurations.add(now.uptime.saturatingAdd(-asking.since))
    let answered = Answered(attempt: attempt, serial: asking.serial, random: jitter.next())
    perform(
      step.operation.conclude(verdict, answered, StepView(machine, now: now)), machine)
  }
}
