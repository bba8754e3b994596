import MachineModel

/// Call: waits its turn, is processed, committed, answered. A refusal or a transient failure leaves
/// the machine as it was.
extension Engine {
  mutating func beginCall(_ machine: ResidentMachine, _ range: HistoryRange?) {
    guard let row = machine.row else {
      return endUncommitted(machine, .error(.machineNotFound(machine.id)))
    }
    if let failure = row.failure {
      return endUncommitted(machine, .error(.machineFailed(failure.reason)))
    }
    if let error = pauseError(machine, row) { return endUncommitted(machine, .error(error)) }
    if let range, range.direction == .forward, range.after > row.lastEventID {
      return endUncommitted(machine, .error(.eventNotFound(range.after)))
    }
    if machine.running?.historyTooLarge == true {
      return endUncommitted(machine, .error(.historyTooLarge))
    }
    enterGate(machine)
  }

  mutating func concludeCall(
    _ machine: ResidentMachine, _ step: RunningStep, _ verdict: Verdict
  ) {
    switch verdict {
    case .success(let answer):
      if let fault = timerFault(answer) {
        return failCall(machine, .internal, "the processor's answer is unusable: \(fault)")
      }
      succeed(machine, step, answer)
    case .unreachable(let message), .transient(_, let message, _):
      end(machine, .error(.processorUnavailable(message)))
    case .refused(let status): end(machine, .error(.refused(status)))
    case .fatal(let code, let message, _): failCall(machine, code, message)
    case .machineTooLarge: end(machine, .error(.historyTooLarge))
    }
  }

  private mutating func failCall(_ machine: ResidentMachine, _ code: Code, _ message: String) {
    fail(
      machine, .call, code: code, reason: message, attempts: 1,
      reply: .error(.machineFailed(message)))
  }

  private mutating func succeed(
    _ machine: ResidentMachine, _ step: RunningStep, _ answer: ProcessorAnswer
  ) {
    guard let row = machine.row else { return end(machine) }
    let reply = Reply.called(response: answer.response)
    if answer.action.remove { return commitRemoval(machine, row, reply: reply) }
    let changes =
      !answer.change.events.isEmpty || answer.change.auxState != nil
      || answer.action.timer != nil
    if !changes {
      guard let idempotency = idempotencyRow(step, reply, machine) else {
        return endUncommitted(machine, reply)
      }
      let record = CommitRecord(
        shard: machine.shard, namespace: machine.namespace.number, machine: machine.id,
        key: row.key, idempotency: idempotency)
      return write(machine, record, .nothing, reply)
    }
    let changed = apply(
      answer, to: row, by: step, context: step.request?.context ?? CallerContext())
    commit(machine, changed, reply: reply)
  }
}
