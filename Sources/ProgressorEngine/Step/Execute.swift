import MachineModel

/// Where the steps' kinds part: which history they see, what they check, what they do.
extension Engine {
  /// The history that the step's invocation shows; nil when it invokes nothing, or when the row
  /// must be known first.
  func range(of step: RunningStep, _ machine: ResidentMachine) -> HistoryRange? {
    if let range = step.range { return range }
    let fallback = machine.namespace.settings.defaultHistoryRange ?? .all
    switch step.item {
    case .timeout:
      guard let timer = machine.row?.timer else { return nil }
      return timer.historyRange ?? fallback
    case .notification:
      guard let head = machine.notifications.head else { return nil }
      return head.historyRange ?? fallback
    case .request:
      switch step.request?.operation {
      case .call(_, let range, _), .repair(_, let range, _): return range ?? fallback
      default: return nil
      }
    }
  }

  /// Everything is in memory: decide.
  mutating func execute(_ machine: ResidentMachine) {
    guard let step = machine.running else { return }
    switch step.item {
    case .timeout: beginTimeout(machine)
    case .notification: beginDelivery(machine)
    case .request:
      if let row = step.remembered, let key = step.key {
        return end(machine, row.reply(to: key.fingerprint))
      }
      switch step.request?.operation {
      case .start: beginStart(machine)
      case .call(_, let range, _): beginCall(machine, range)
      case .repair(_, let range, _): beginRepair(machine, range)
      case .simpleRepair: beginSimpleRepair(machine)
      case .remove: beginRemove(machine)
      case .pause(let reason): beginPause(machine, reason)
      case .resume: beginResume(machine)
      case .notify, .get, .list, .awaitQuiet, nil: end(machine)
      }
    }
  }

  /// Calls the processor with the machine as it is.
  mutating func invoke(_ machine: ResidentMachine) {
    guard let step = machine.running, let shard = shards[machine.shard] else { return }
    guard lease.isTrusted(at: now.uptime) else { return abandon(machine, .notOwner) }
    if let request = step.request, request.deadline <= now.uptime {
      return end(machine, .error(.deadlineExceeded))
    }
    guard let serial = shards[machine.shard]?.nextSerial() else {
      return abandon(machine, .serialsUsedUp(machine.shard))
    }
    machine.running?.serial = serial
    guard let plan = plan(step, serial, machine) else { return end(machine) }
    machine.namespace.stepEntered()
    // From here on the invocation has it.
    machine.running?.history = nil
    machine.running?.holdsGate = true
    machine.running?.invokedAt = now.uptime
    machine.running?.phase = .invoking(attempt: plan.attempt)
    steps[step.id] = machine
    effects.append(
      .invoke(
        Invocation(
          step: step.id, attempt: plan.attempt, namespace: machine.namespace.number,
          stimulus: plan.stimulus, machine: plan.machine, stepToken: plan.token,
          epoch: shard.epoch,
          deadline: step.request?.deadline
            ?? now.uptime.saturatingAdd(plan.timeout).saturatingAdd(Invocation.longestWait),
          timeout: plan.timeout, context: plan.context, waitsForEndpoint: step.requestID != nil)))
  }

  private func plan(
    _ step: RunningStep, _ serial: Int64, _ machine: ResidentMachine
  ) -> InvocationPlan? {
    switch step.item {
    case .timeout: return timeoutPlan(step, machine)
    case .notification: return deliveryPlan(step, machine)
    case .request:
      guard let request = step.request else { return nil }
      var plan = InvocationPlan(
        attempt: 1, stimulus: .signal(.timeout),
        machine: Machine(machineID: machine.id, createdAt: now.wall),
        token: "c-\(machine.shard.number)-\(serial)",
        timeout: machine.namespace.processorTimeout, context: request.context)
      switch request.operation {
      case .start(let args, _): plan.stimulus = .signal(.initialize(args: args))
      case .call(let args, _, let key): plan.stimulus = .call(args: args, key: key)
      case .repair(let args, _, let key): plan.stimulus = .repair(args: args, key: key)
      default: return nil
      }
      if let row = machine.row {
        plan.machine = snapshot(machine, row, step)
      }
      return plan
    }
  }

  func snapshot(
    _ machine: ResidentMachine, _ row: MachineRow, _ step: RunningStep, hidesTimer: Bool = false
  ) -> Machine {
    Snapshot.machine(
      row, head: machine.notifications.head, history: step.history ?? [],
      range: range(of: step, machine) ?? .all, hidesTimer: hidesTimer)
  }

  mutating func processorAnswered(_ id: StepID, attempt: Int32, _ outcome: ProcessorOutcome) {
    guard let machine = steps[id], machine.running?.id == id,
      machine.running?.phase == .invoking(attempt: attempt)
    else { return }
    steps[id] = nil
    machine.namespace.invocationEnded()
    hold(outcome.bytes, machine)
    defer { admitWaiting(machine.namespace) }
    let verdict = Verdict(outcome, limits: configuration)
    if case .unreachable = verdict {} else { machine.namespace.outages = 0 }
    guard let step = machine.running else { return }
    machine.namespace.counts.count(verdict.counted)
    machine.namespace.counts.callDurations.add(now.uptime.saturatingAdd(-step.invokedAt))
    switch step.item {
    case .timeout: concludeTimeout(machine, attempt: attempt, verdict)
    case .notification: concludeDelivery(machine, attempt: attempt, verdict)
    case .request:
      switch step.request?.operation {
      case .start: concludeStart(machine, step, verdict)
      case .call: concludeCall(machine, step, verdict)
      case .repair: concludeRepair(machine, step, verdict)
      default: end(machine)
      }
    }
  }
}

/// What an invocation is made of.
struct InvocationPlan {
  var attempt: Int32
  var stimulus: Invocation.Stimulus
  var machine: Machine
  var token: String
  /// How long the processor may take. Microseconds.
  var timeout: Int64
  var context: CallerContext
}
