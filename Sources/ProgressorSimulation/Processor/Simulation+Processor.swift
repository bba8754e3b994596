import MachineModel
import ProgressorEngine

/// The processors' shell: channels to endpoints that are up or down, deadlines, answers.
extension Simulation {
  func invoke(_ invocation: Invocation, _ core: SimulatedCore, _ now: Moment) throws(Violation) {
    let node = core.node
    let machine = invocation.machine.machineID
    let shard = ShardID(of: machine, shards: world.configuration.shards)
    let number = try ledger.invoked(
      invocation, by: view(of: core, shard: shard), now: now, stored: storage.machines[machine])
    try require(
      !core.paused.contains(invocation.namespace), .pausedRests,
      "\(machine): a step begins in a namespace that is paused")
    try require(
      core.namespaces.contains(invocation.namespace), .goneRests,
      "\(machine): a step begins in a namespace that is gone")
    try ledger.isBounded(number, widest: widest[namespaceIndex(invocation.namespace)])
    let call = StepAttempt(step: invocation.step, attempt: invocation.attempt)
    try require(node.calls[call] == nil, .oneInvocation, "\(machine): one attempt begins twice")
    node.calls[call] = number
    pendingInvocations[number] = invocation
    agenda.plan(.invocation(number), after: random.within(0...100))
  }

  /// The channel takes an invocation to the processor, or finds that it cannot.
  func reach(_ number: Int) {
    guard let invocation = pendingInvocations[number] else { return }
    let record = ledger.invocations[number]
    guard alive(record.node, record.life) != nil else {
      pendingInvocations[number] = nil
      return
    }
    if invocation.deadline <= agenda.now {
      return answer(number, .unreachable(message: "the deadline passed"), after: 0)
    }
    let namespace = namespaceIndex(invocation.namespace)
    if !isEndpointUp[namespace] {
      if !invocation.waitsForEndpoint {
        return answer(number, .unreachable(message: "connection refused"), after: 100)
      }
      waitingInvocations[namespace].append(number)
      return agenda.plan(.invocation(number), at: invocation.deadline)
    }
    // Waiting does not count: the processor's time begins now.
    let rest = min(invocation.deadline - agenda.now, invocation.timeout)
    // The same request, in another run, has the same fate.
    if let tag = record.tag { random = RandomSource(seed: seed, tag, 2) }
    let reaction = script?.reaction(to: invocation).outcome(number)
    var ending =
      isQuiet
      ? processor.quietEnding(number, latency: quietLatency)
      : reaction.map { SimulatedProcessor.Ending(outcome: $0, latency: 1_000) }
        ?? processor.ending(number, invocation, wall: wall, rest: rest, &plan, &random)
    if ending.latency >= rest, !ending.mayBeLate {
      ending = SimulatedProcessor.Ending(
        outcome: .lost(code: .deadlineExceeded, message: "the deadline passed"), latency: rest)
    }
    ledger.invocations[number].isPoisoned = ending.isPoisoned
    ledger.invocations[number].isUnusable = ending.isUnusable
    answer(number, ending.outcome, after: max(ending.latency, 0))
  }

  /// The client of an invocation went away: what no processor has seen yet ends.
  func callOff(_ call: StepAttempt, _ node: SimulatedNode) {
    guard let number = node.calls[call], pendingInvocations[number] != nil else { return }
    answer(number, .unreachable(message: "nobody waits for it any more"), after: 0)
  }

  private func answer(_ number: Int, _ outcome: ProcessorOutcome, after delay: Int64) {
    pendingInvocations[number] = nil
    agenda.plan(.outcome(number, outcome), after: delay)
  }

  func answer(_ number: Int, _ outcome: ProcessorOutcome) {
    let record = ledger.invocations[number]
    guard let node = alive(record.node, record.life) else { return }
    let shard = ShardID(of: record.machine, shards: world.configuration.shards)
    if node.owned[shard] != record.epoch { plan.count(.answerOutlivedOwner) }
    let input = Input.processorAnswered(record.step, attempt: record.attempt, outcome)
    deliver(input, to: node)
    if plan.strikes(.outcomeRepeated, &random) {
      agenda.plan(
        .input(node: node.number, life: node.life, input),
        after: random.duration(upTo: world.longPause))
    }
  }

  func endpoint(_ namespace: Int, isUp: Bool) {
    isEndpointUp[namespace] = isUp
    guard isUp else { return }
    let record = namespaces[namespace]
    for waiting in waitingNodes[namespace] {
      if let node = alive(waiting.node, waiting.life) {
        deliver(.endpointReady(record.number), to: node)
      }
    }
    waitingNodes[namespace] = []
    for number in waitingInvocations[namespace] {
      agenda.plan(.invocation(number), after: random.within(0...1_000))
    }
    waitingInvocations[namespace] = []
  }
}
