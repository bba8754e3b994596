import MachineModel

/// The third stretch of a step's way: its processor has answered, its operation says what that
/// means, and the engine does it. Most is written down: `Step/Write`.
extension Engine {
  mutating func processorAnswered(_ id: StepID, attempt: Int32, _ outcome: ProcessorOutcome) {
    // An answer may come twice, or after its machine was let go.
    guard let machine = calls[id], let step = machine.running, step.id == id,
      let asking = step.asking, asking.attempt == attempt
    else { return }
    assert(step.passage == .passed && !machine.isDropped, "a step that is asked about passed")
    calls.ended(id)
    machine.namespace.gate.invocationEnded()
    stepMemory.hold(outcome.bytes, machine)
    defer { ready.add(machine.namespace) }
    var verdict = Verdict(outcome, limits: configuration, now: now.wall)
    if case .success(let answer) = verdict,
      let fault = StepView(machine, now: now).messageFault(answer)
    {
      verdict = .unusable(fault)
    }
    if case .unreachable = verdict {} else { machine.namespace.endpointWasReached() }
    machine.namespace.counts.count(verdict.counted)
    machine.namespace.counts.callDurations.add(now.uptime.saturatingAdd(-asking.since))
    if machine.namespace.isGone { return endInGoneNamespace(machine) }
    let answered = Answered(attempt: attempt, serial: asking.serial, random: jitter.fraction())
    let decision = step.operation.conclude(verdict, answered, StepView(machine, now: now))
    perform(recording(decision, machine), machine, verdict.complaint)
  }

  /// A refusal changes nothing: where it is recorded all the same, it is answered once it is.
  private func recording(_ decision: Decision, _ machine: ResidentMachine) -> Decision {
    guard case .refuse(let error) = decision, machine.namespace.traceLevel == .all,
      error.reason == .processorRefused || error.reason == .repairFailed, let row = machine.row
    else { return decision }
    return .write(.nothing(row.key), .error(error))
  }

  /// Does what an operation decided.
  ///
  /// - Parameter said: What the processor said instead of an answer.
  mutating func perform(
    _ decision: Decision, _ machine: ResidentMachine, _ said: Complaint? = nil
  ) {
    assert(
      machine.running.map { !calls.contains($0.id) } ?? false,
      "a step decides when its call is over")
    switch decision {
    case .pass: end(machine)
    case .answer(let reply): endUncommitted(machine, reply)
    case .refuse(let error): end(machine, .error(error))
    case .awaitEndpoint: endpointIsDown(machine)
    case .write(let change, let reply): write(change, machine, reply, said)
    case .goOn:
      machine.running?.goOnAfterwards()
      end(machine)
    case .writeAndGoOn(let change):
      machine.running?.goOnAfterwards()
      write(change, machine, nil, said)
    }
  }
}
