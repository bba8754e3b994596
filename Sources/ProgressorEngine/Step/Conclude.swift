import MachineModel

/// The third stretch of a step's way: its processor has answered, its operation says what that
/// means, and the engine does it. Most is written down: `Step/Write`.
extension Engine {
  mutating func processorAnswered(_ id: StepID, attempt: Int32, _ outcome: ProcessorOutcome) {
    // An answer may come twice, or after its machine was let go.
    guard let machine = steps[id], let step = machine.running, step.id == id,
      let asking = step.asking, asking.attempt == attempt
    else { return }
    assert(step.passage == .passed && !machine.isDropped, "a step that is asked about passed")
    steps[id] = nil
    machine.namespace.gate.invocationEnded()
    stepMemory.hold(outcome.bytes, machine)
    defer { ready.add(machine.namespace) }
    let verdict = Verdict(outcome, limits: configuration, now: now.wall)
    if case .unreachable = verdict {} else { machine.namespace.outages = 0 }
    machine.namespace.counts.count(verdict.counted)
    machine.namespace.counts.callDurations.add(now.uptime.saturatingAdd(-asking.since))
    if machine.namespace.isGone { return endInGoneNamespace(machine) }
    let answered = Answered(attempt: attempt, serial: asking.serial, random: jitter.fraction())
    perform(
      step.operation.conclude(verdict, answered, StepView(machine, now: now)), machine)
  }

  /// Does what an operation decided.
  mutating func perform(_ decision: Decision, _ machine: ResidentMachine) {
    switch decision {
    case .pass: end(machine)
    case .answer(let reply): endUncommitted(machine, reply)
    case .refuse(let error): end(machine, .error(error))
    case .awaitEndpoint: endpointIsDown(machine)
    case .write(let change, let reply): write(change, machine, reply)
    }
  }
}
