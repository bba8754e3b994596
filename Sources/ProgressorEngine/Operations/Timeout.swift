import MachineModel

/// Timeouts and deliveries of notifications: what nobody waits for is tried again by policy.
extension Engine {
  mutating func beginTimeout(_ machine: ResidentMachine) {
    guard let row = machine.row, row.runsByItself, machine.namespace.settings.pause == nil,
      let timer = row.timer, timer.due <= now.wall
    else { return end(machine) }
    if machine.running?.historyTooLarge == true {
      return failTooLarge(machine, .timeout, attempts: (timer.retry?.attempt ?? 0) + 1)
    }
    enterGate(machine)
  }

  func timeoutPlan(_ step: RunningStep, _ machine: ResidentMachine) -> InvocationPlan? {
    guard let row = machine.row, row.failure == nil, let timer = row.timer else { return nil }
    return InvocationPlan(
      attempt: (timer.retry?.attempt ?? 0) + 1, stimulus: .signal(.timeout),
      machine: snapshot(machine, row, step, hidesTimer: true),
      token: "t-\(machine.shard.number)-\(row.key.number)-\(timer.serial)",
      timeout: timer.processingTimeout ?? machine.namespace.processorTimeout,
      context: timer.context)
  }

  mutating func concludeTimeout(
    _ machine: ResidentMachine, attempt: Int32, _ verdict: Verdict
  ) {
    guard var row = machine.row, let timer = row.timer else { return end(machine) }
    switch verdict {
    case .success(let answer):
      if let fault = timerFault(answer) {
        return fail(
          machine, .timeout, code: .internal,
          reason: "the processor's answer is unusable: \(fault)", attempts: attempt, reply: nil)
      }
      if answer.action.remove { return commitRemoval(machine, row, reply: nil) }
      row.timer = nil
      commit(
        machine, apply(answer, to: row, by: machine.running, context: timer.context), reply: nil)
    case .unreachable: endpointIsDown(machine)
    case .transient(let code, let message, let reasons):
      guard
        let retry = retry(
          machine, attempt: attempt, code: code, message: message, reasons: reasons)
      else {
        return fail(
          machine, .timeout, code: code, reason: message, attempts: attempt, reply: nil)
      }
      row.timer?.retry = retry
      commit(machine, Changed(row: row, events: [], auxChanged: false), reply: nil)
    case .refused(let status):
      fail(
        machine, .timeout, code: status.code, reason: status.reason, attempts: attempt,
        reply: nil)
    case .fatal(let code, let message, _):
      fail(machine, .timeout, code: code, reason: message, attempts: attempt, reply: nil)
    case .machineTooLarge: failTooLarge(machine, .timeout, attempts: attempt)
    }
  }

  mutating func failTooLarge(_ machine: ResidentMachine, _ kind: StepKind, attempts: Int32) {
    fail(
      machine, kind, code: .resourceExhausted,
      reason: "HISTORY_TOO_LARGE: the machine with its history exceeds the message limit",
      attempts: attempts, reply: nil)
  }

  /// When a failed attempt is tried again; nil = never, the machine fails.
  mutating func retry(
    _ machine: ResidentMachine, attempt: Int32, code: Code, message: String, reasons: [String]
  ) -> RetryState? {
    let policy = machine.namespace.settings.retryPolicy
    if policy.isNonRetryable(code, reasons: reasons) { return nil }
    if policy.isExhausted(after: attempt) { return nil }
    let interval = policy.interval(after: attempt, random: jitter.next())
    return RetryState(
      attempt: Safeguard.retryCounter.isOn ? attempt : 0,
      nextAttemptAt: now.wall.advanced(byMicroseconds: interval),
      lastCode: code.rawValue, lastMessage: message)
  }
}
