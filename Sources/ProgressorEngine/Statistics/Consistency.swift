import MachineModel

extension Engine {
  /// What of the engine's memory contradicts itself between two turns: something that is held for
  /// nobody, that stands where nobody looks for it, or that is counted otherwise than it is. nil =
  /// nothing. For the simulation: it looks at everything.
  package func inconsistency() -> String? {
    for machine in residency.all {
      if let problem = inconsistency(of: machine) { return "\(machine.id) \(problem)" }
    }
    for request in requests.all {
      if let problem = inconsistency(of: request) {
        return "request \(request.request.id.number) \(problem)"
      }
    }
    for namespace in namespaces.all {
      if let problem = inconsistency(of: namespace) {
        return "\(namespace.settings.name) \(problem)"
      }
    }
    if let problem = inconsistencyOfMessages() { return problem }
    return inconsistencyOfMachines() ?? inconsistencyOfRequests() ?? inconsistencyOfTurns()
  }

  private func inconsistencyOfMachines() -> String? {
    let charged = residency.all.reduce(0) { $0 + $1.charge.bytes }
    if residency.bytes != charged { return "\(residency.bytes) bytes are charged, not \(charged)" }
    let listed = residency.all.count { $0.idle.isListed }
    if residency.idleCount != listed {
      return "\(residency.idleCount) machines are listed as idle"
    }
    if ownership.machineCount != residency.count {
      return "\(ownership.machineCount) machines are the shards', not \(residency.count)"
    }
    for (isAside, bytes) in [(false, stepMemory.bytes), (true, stepMemory.asideBytes)] {
      let held = residency.all.reduce(0) {
        $0 + ($1.standsAside == isAside ? $1.running?.share.held ?? 0 : 0)
          + (isAside ? $1.kept.bytes : 0)
      }
      if bytes != held { return "\(bytes) bytes are held by steps, not \(held)" }
    }
    if writers.all.contains(where: \.isInconsistent) {
      return "what is held back contradicts itself"
    }
    if residency.bytes > configuration.residentBytes, listed > 0 {
      return "idle machines take more memory than they may"
    }
    for (id, machine) in calls.all where machine.running?.id != id {
      return "step \(id.number) is looked for at \(machine.id), which does not take it"
    }
    return nil
  }

  private func inconsistencyOfRequests() -> String? {
    let ofMachines = residency.all.reduce(0) { $0 + $1.requests.count }
    if requests.all.count(where: { $0.machine != nil }) != ofMachines {
      return "\(ofMachines) requests are the machines'"
    }
    let unheard = loads.all.count { $0.request.map { requests[$0] == nil } ?? false }
    if requests.unheardLoads != unheard {
      return "\(requests.unheardLoads) loads are unheard, not \(unheard)"
    }
    if waits.isInconsistent { return "who waits for a machine to change is not where it is sought" }
    for wait in waits.all() {
      if ownership.shard(of: wait.request.machine) == nil {
        return "request \(wait.request.id.number) waits for a machine that is another node's"
      }
      guard let machine = residency[wait.request.machine] else { continue }
      let isDue = machine.row.map { !wait.look.waits(for: $0) } ?? !machine.isUnknown
      if isDue { return "request \(wait.request.id.number) waits for what has come" }
    }
    if waits.count > configuration.maximumWaits { return "\(waits.count) wait for changes" }
    if requests.deadlineCount < requests.count {
      return "\(requests.deadlineCount) requests have a deadline"
    }
    if requests.arrivalCount < requests.count {
      return "\(requests.arrivalCount) requests have come"
    }
    return nil
  }

  /// Whatever is under way comes back.
  private func inconsistencyOfMessages() -> String? {
    if let problem = messages.inconsistency { return problem }
    if let shard = messages.shards.first(where: { !ownership.holds($0) }) {
      return "messages of shard \(shard.number) are due, which is another's"
    }
    var expected = Set(deliveries.values).union(messageLoads.values.joined())
    for machine in residency.all { expected.formUnion(machine.settling) }
    for load in loads.all {
      if case .message(_, let message, _) = load.purpose { expected.insert(message) }
    }
    for message in messages.allUnderWay where !expected.contains(message) {
      return "message \(message.number) is under way, and nobody answers"
    }
    let mayBegin = ownership.mayAct(at: now.uptime)
    if mayBegin, let at = messages.wakeAt(now, mayBegin: !circumstances.isDelayed),
      at <= now.uptime, wakeAt.map({ $0 > now.uptime }) ?? true
    {
      return "a message could be delivered, and nobody asks for another turn"
    }
    return nil
  }

  private func inconsistencyOfTurns() -> String? {
    if let problem = schedule.inconsistency(namespaces.all) { return problem }
    let known = namespaces.all
    if schedule.hasTurns(circumstances) || stepMemory.next != nil,
      wakeAt.map({ $0 > now.uptime }) ?? true
    {
      return "somebody could go on, and nobody asks for another turn"
    }
    let waiting = known.count { stepMemory.waits($0) }
    if stepMemory.waitingCount < waiting { return "\(waiting) namespaces wait for memory" }
    return nil
  }
}

extension Engine {
  /// Answers of processors that were given up so far: their machines' processors may be asked again
  /// under the same lease. For the simulation.
  package var answersGivenUp: UInt64 { counts.answersGivenUp }

  private func inconsistency(of machine: ResidentMachine) -> String? {
    if machine.isDropped { return "is dropped and in memory" }
    if machine.isIdle != machine.idle.isListed {
      return "is idle and not listed so, or listed and not"
    }
    if !ownership.holds(machine.shard) || !machine.shard.machines.contains(machine) {
      return "is in no shard"
    }
    if !machine.requests.allSatisfy({ requests[$0]?.machine === machine }) {
      return "has requests that ended"
    }
    if !machine.waitingReads.isSubset(of: machine.requests) { return "has reads that ended" }
    if machine.running == nil, !machine.mailbox.isEmpty || !machine.waitingReads.isEmpty {
      return "does nothing, and something waits on it"
    }
    return inconsistencyOfWaiting(machine) ?? inconsistencyOfStep(machine) ?? inconsistencyOfCounts(
      machine)
      ?? inconsistencyOfTimers(machine)
  }

  private func inconsistencyOfWaiting(_ machine: ResidentMachine) -> String? {
    if !machine.waitingNotifies.elements.allSatisfy({ requests[$0] != nil }) {
      return "has notifications waiting whose requests ended"
    }
    if !machine.mailbox.requests.allSatisfy({ requests[$0] != nil }) {
      return "has requests waiting that ended"
    }
    if machine.mailbox.isInconsistent { return "counts otherwise than it is what waits on it" }
    for key in machine.keys.all {
      if !key.allWaiters.allSatisfy({ requests[$0] != nil }) {
        return "has a key on which somebody waits who went away"
      }
      if key.waiterCount != key.allWaiters.count {
        return "has a key on which \(key.waiterCount) wait, not \(key.allWaiters.count)"
      }
      // Who went away has its key as long as its work goes on.
      if requests[key.owner] == nil, machine.running?.requestID != key.owner,
        machine.enqueuesInFlight == 0
      {
        return "has a key that is nobody's"
      }
    }
    return nil
  }

  private func inconsistencyOfStep(_ machine: ResidentMachine) -> String? {
    let (step, namespace) = (machine.running, machine.namespace)
    for station in [Gate.Station.waiting, .outside, .large]
    where namespace.gate.contains(machine, at: station) != (step?.station == station) {
      return "is at the gate and in no queue, or not"
    }
    guard let step else { return nil }
    if writers[machine.shard].holds(machine), step.writing != nil, !step.isAside {
      return "has a step that cannot be written and stands in others' way"
    }
    if step.isAside, machine.isActive { return "does nothing by itself, and is active" }
    switch step.phase {
    case .deciding: return "takes a step with which nothing happens"
    case .loading(let reading):
      if loads[reading.load] == nil { return "waits for a load that nobody makes" }
    case .gated(let station):
      if let id = step.requestID, requests[id] == nil { return "waits for nobody" }
      if station != .waiting, step.share.held != 0 { return "waits for memory that it holds" }
    case .invoking: if calls[step.id] !== machine { return "waits for an answer nobody gives" }
    case .committing: break
    }
    if step.reading != nil { return nil }
    return step.passage == .preparing ? "is being read for a step, and is not" : nil
  }

  private func inconsistencyOfCounts(_ machine: ResidentMachine) -> String? {
    let loading = loads.all.count { $0.purpose.machine === machine }
    if machine.loadsInFlight != loading {
      return "has \(machine.loadsInFlight) loads in flight, not \(loading)"
    }
    let enqueues = writers[machine.shard].notifications(of: machine)
    if machine.enqueuesInFlight != enqueues {
      return "has \(machine.enqueuesInFlight) notifications on their way, not \(enqueues)"
    }
    if machine.kept.bytes > 0, !writers[machine.shard].holds(machine) {
      return "is charged for a notification that nobody keeps"
    }
    let settling = writers[machine.shard].messages(of: machine)
    if machine.settling.count != settling {
      return "has \(machine.settling.count) messages whose end is being written, not \(settling)"
    }
    if !machine.outbox.cancelling.isEmpty || machine.outbox.forgetting != nil,
      !machine.isCommitting
    {
      return "cancels messages and takes no step"
    }
    let queue = machine.notifications
    if queue.isInconsistent || machine.history.isInconsistent {
      return "counts the bytes of notifications or events otherwise than they are"
    }
    if queue.count < 0 || queue.loaded.count > queue.count + enqueues {
      return "has \(queue.loaded.count) notifications in memory, and \(queue.count) at all"
    }
    let bytes = machine.requests.reduce(0) { $0 + (requests[$1]?.request.bytes ?? 0) }
    if machine.charge.requests != bytes {
      return "has requests of \(machine.charge.requests) bytes, not \(bytes)"
    }
    if machine.charge.unheard < 0 || (enqueues == 0 && machine.charge.unheard != 0) {
      return "is charged \(machine.charge.unheard) bytes for notifications on their way"
    }
    if machine.charge.bytes != machine.bytes, machine.isIdle {
      return "is charged \(machine.charge.bytes) bytes for \(machine.bytes)"
    }
    return nil
  }

  /// Whatever the machine has to do by itself stands somewhere.
  private func inconsistencyOfTimers(_ machine: ResidentMachine) -> String? {
    let running = machine.running?.item
    let timers = machine.namespace.schedule.timers
    // What lies beyond is found from its row.
    let isCovered =
      machine.row.flatMap { machine.duePosition($0) }.map(timers.covered.covers) ?? true
    for (item, isQueued) in [
      (Mailbox.Item.timeout, machine.timeoutQueued),
      (Mailbox.Item.notification, machine.deliveryQueued),
    ] where isQueued != (running == item || machine.mailbox.contains(item)) {
      return "is queued for something and is not, or the other way round"
    }
    if running == nil, machine.mailbox.isEmpty, machine.isDueForNothing(now),
      ownership.isTrusted(at: now.uptime), !circumstances.isDelayed,
      !machine.namespace.isGone, !timers.holds(machine.id), isCovered
    {
      return "is due, has nothing to do, and stays so"
    }
    if machine.wantsWake, machine.loadsInFlight == 0 { return "waits to be woken by nobody" }
    let isWoken = loads.all.contains {
      if case .wake(machine) = $0.purpose { true } else { false }
    }
    if machine.isActive, !machine.timeoutQueued, !machine.deliveryQueued, !isWoken {
      return "counts as active and does nothing by itself"
    }
    let next = machine.row.flatMap { nextUnqueued(machine, $0) }
    if !machine.isUnknown, machine.row == nil, running == nil, timers.holds(machine.id) {
      return "is not there and has a timer"
    }
    // What is under way is looked at when it ends, and the database may know of it already.
    guard machine.row != nil, let next, running == nil, machine.enqueuesInFlight == 0,
      !timers.holds(machine.id), !machine.namespace.isGone
    else { return nil }
    if isCovered {
      return "has something to do at \(next.microseconds), and is forgotten"
    }
    return nil
  }

  private func inconsistency(of pending: PendingRequest) -> String? {
    let id = pending.request.id
    if let machine = pending.machine, !machine.requests.contains(id) { return "is no machine's" }
    let isBeingRead = loads.all.contains { $0.request == id }
    if pending.isBeingRead != isBeingRead { return "is being read and is not" }
    let step = pending.machine?.running
    let isOpening = step?.requestID == id && step?.hasBegun == true && pending.work.isOpening
    if pending.isCancelled, !isBeingRead, !isOpening { return "is cancelled and stays" }
    return nil
  }

  private func inconsistency(of namespace: NamespaceState) -> String? {
    if !namespace.quietWaiters.elements.allSatisfy({ requests[$0] != nil }) {
      return "has somebody waiting for quiet who went away"
    }
    if let problem = miscount(in: namespace) { return problem }
    if stepMemory.isInconsistent(namespace) { return "waits for memory otherwise than it does" }
    let wantsMemory = namespace.gate.hasOutside
    if stepMemory.waits(namespace) != (wantsMemory && namespace.gate.mayPrepare) {
      return "waits for memory and does not, or the other way round"
    }
    if namespace.gate.isOpen, !namespace.gate.isFree { return "is open, and somebody waits" }
    let mayGoOn = ownership.mayAct(at: now.uptime) && !namespace.parks
    let state = namespace.schedule
    let isFull = state.awaitsRoom && state.active >= namespace.activeLimit
    if mayGoOn, state.timers.isDue(at: now.wall), !state.hasTurns, !isFull {
      return "has machines that are due, and no turn"
    }
    return nil
  }

  private func miscount(in namespace: NamespaceState) -> String? {
    let machines = residency.all.filter { $0.namespace === namespace }
    let steps = machines.compactMap(\.running)
    let unheard = loads.all.count {
      $0.purpose.machine.namespace === namespace
        && ($0.request.map { requests[$0] == nil } ?? false)
    }
    let counts = [
      ("requests", namespace.places.requests, requests.all.count { $0.namespace === namespace }),
      ("unheard loads", namespace.places.unheardLoads, unheard),
      ("active machines", namespace.schedule.active, machines.count(where: \.isActive)),
      (
        "steps that are prepared", namespace.gate.preparing,
        steps.count { $0.passage == .preparing }
      ),
      ("steps at the gate", namespace.gate.waitingCount, steps.count { $0.station != nil }),
      ("steps", namespace.gate.steps, steps.count { $0.passage == .passed }),
      ("bytes", namespace.memory.steps, steps.reduce(0) { $0 + ($1.isAside ? 0 : $1.share.held) }),
      (
        "bytes aside", namespace.memory.aside,
        steps.reduce(0) { $0 + ($1.isAside ? $1.share.held : 0) }
          + machines.reduce(0) { $0 + $1.kept.bytes }
      ),
      ("steps aside", namespace.gate.aside, steps.count { $0.isAside && $0.passage == .passed }),
      (
        "invocations", namespace.gate.invocations, steps.count { $0.asking != nil }
      ),
    ]
    return counts.first { $0.1 != $0.2 }.map { "counts \($0.1) \($0.0), not \($0.2)" }
      ?? inconsistencyOfPermits(namespace)
  }

  private func inconsistencyOfPermits(_ namespace: NamespaceState) -> String? {
    guard let permits = namespace.permits else { return nil }
    let gate = namespace.gate
    for kind in PermitKind.allCases {
      if gate.limits[kind] != permits[kind].limit { return "may use other permits than it has" }
      // A call's is not asked for before there is one for its step.
      if gate.waitingToPass > 0, gate.free(kind) <= 0, !permits[kind].isAsking,
        kind == .step || gate.free(.step) > 0
      {
        return "waits for permits that nobody is asked for"
      }
    }
    return nil
  }
}
