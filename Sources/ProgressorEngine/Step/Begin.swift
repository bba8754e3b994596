import MachineModel

/// The first stretch of a step's way, from the mailbox to its operation: what is on the ready is
/// looked at, a machine's next item becomes its step, the step comes near its namespace's gate, and
/// memory has what it needs, or `Loads/Loading` reads it. Then its operation begins, and most have
/// something to ask: `Gate/Passage`.
extension Engine {
  /// Looks at everything on the ready, and at what follows from that.
  mutating func drain() {
    while let item = ready.next() {
      switch item {
      case .machine(let machine): advance(machine)
      case .gate(let namespace):
        openGate(namespace)
        balancePermits(namespace)
      case .permits(let message): heard(message)
      }
    }
    assert(ready.isEmpty, "nothing on the ready is left out")
  }

  /// Begins the machine's next step if it takes none.
  private mutating func advance(_ machine: ResidentMachine) {
    // It was let go of since it was put on the ready.
    guard !machine.isDropped else { return }
    assert(residency[machine.id] === machine, "a machine in memory stands for its name")
    if machine.isDistrusted, machine.running == nil { return drop(machine, .storageUnavailable) }
    while machine.running == nil, let item = machine.mailbox.popFirst() {
      begin(item, machine)
    }
    becameIdle(machine)
  }

  private mutating func begin(_ item: Mailbox.Item, _ machine: ResidentMachine) {
    assert(item != .timeout || machine.timeoutQueued, "a timeout runs that was queued")
    assert(item != .notification || machine.deliveryQueued, "a delivery runs that was queued")
    var pending: PendingRequest?
    let operation: any StepOperation
    switch item {
    case .timeout: operation = TimeoutStep()
    case .notification: operation = DeliveryStep()
    case .settling: operation = SettlingStep()
    case .request(let id):
      guard let request = requests[id], let step = request.work.step else {
        return assertionFailure("what waits in a mailbox is not answered yet, and has a step")
      }
      assert(request.machine === machine, "a request waits on its own machine")
      if machine.row != nil, request.work.isOpening {
        // There is nothing to start: what is asked of the machine is at its turn.
        request.goOn(at: now.uptime)
        guard let next = request.work.step else { return accept(id, machine) }
        (pending, operation) = (request, next)
      } else {
        (pending, operation) = (request, step)
      }
    }
    machine.begin(
      RunningStep(
        id: StepID(nextNumber()), since: now.uptime, item: item, operation, pending: pending))
    // It may have been idle for a moment: between its last step and what became due with that.
    residency.becameBusy(machine)
    residency.charge(machine)
    if !ownership.isTrusted(at: now.uptime) { return abandon(machine, .notOwner) }
    if machine.namespace.isGone { return endInGoneNamespace(machine) }
    if writers[machine.shard].isDelayed { return abandon(machine, .storageUnavailable) }
    approachGate(machine)
  }

  /// Begins to prepare a step, or lets it wait until fewer of its namespace are under way.
  private mutating func approachGate(_ machine: ResidentMachine) {
    let namespace = machine.namespace
    assert(machine.running?.passage == .before, "a step comes near its gate once")
    guard machine.running?.operation.asksProcessor == true else { return prepare(machine) }
    if namespace.gate.mayPrepare, !namespace.gate.hasOutside, stepMemory.reserve(.small, machine) {
      return prepareStep(machine)
    }
    wait(machine, at: .outside)
    namespace.counts.waited += 1
  }

  mutating func prepareStep(_ machine: ResidentMachine) {
    assert(machine.running?.passage == .before, "a step is prepared that did not pass")
    machine.running?.beginPreparing()
    machine.namespace.gate.beginPreparing()
    prepare(machine)
  }

  /// Reads what the step needs and memory does not have; then lets its operation decide.
  mutating func prepare(_ machine: ResidentMachine) {
    guard let step = machine.running else {
      return assertionFailure("only a step that runs is prepared")
    }
    assert(step.isDeciding, "a step is prepared that waits for nothing")
    // Its caller did not wait, and it has not begun.
    if let id = step.requestID, requests[id] == nil { return end(machine) }
    var load = LoadRequest(
      id: LoadID(nextNumber()), shard: machine.shard.id, namespace: machine.namespace.number,
      machine: machine.id, row: machine.isUnknown)
    if let key = step.key, case .notLookedUp = step.remembered { load.idempotencyKey = key.key }
    if load.row { load.notificationsAfter = 0 }
    if let row = machine.row, machine.notifications.needsLoad {
      switch step.item {
      case .notification where row.runsByItself: load.notificationsAfter = 0
      case .request where step.operation.notification(in: machine.shard.id) != nil:
        load.notificationsAfter = 0
      default: break
      }
    }
    if let number = step.operation.message, case .notLookedUp = step.message {
      load.message = number
    }
    let sought = sequenceToLookUp(step, machine)
    if let sought { load.notificationsAfter = sought - 1 }
    // In a paused namespace it is answered without its history, for which it has no memory.
    let showsNothing = step.operation.asksProcessor && machine.namespace.settings.pause != nil
    if step.history.events == nil, !step.history.isTooLarge, !showsNothing,
      let range = historyRange(of: step, machine)
    {
      let events = machine.row.flatMap { machine.history.select(range, last: $0.lastEventID) }
      step.shows(range, events)
      if events == nil, machine.row != nil || machine.isUnknown { load.history = range }
    }
    load.historyBytes = min(load.historyBytes, step.share.allowed)
    guard
      load.row || load.idempotencyKey != nil || load.history != nil
        || load.notificationsAfter != nil || load.message != nil
    else { return execute(machine) }
    step.load(
      RunningStep.Reading(
        load: load.id, bringsHistory: load.history != nil,
        notificationsBefore: load.notificationsAfter == nil || sought != nil
          ? nil : machine.notifications.count,
        sought: sought))
    send(load, for: .step(machine, step.id))
  }

  /// The notification that the step is about, when only the database knows whether it is queued.
  private func sequenceToLookUp(_ step: RunningStep, _ machine: ResidentMachine) -> Int64? {
    guard machine.row != nil, !machine.notifications.needsLoad, case .notLookedUp = step.sought,
      let sequence = step.operation.notification(in: machine.shard.id),
      machine.notifications.holds(sequence) == nil
    else { return nil }
    return sequence
  }

  /// The history that the step's processor is shown; nil = none, or the row must be known first.
  private func historyRange(of step: RunningStep, _ machine: ResidentMachine) -> HistoryRange? {
    step.history.range
      ?? step.operation.historyRange(
        StepView(machine, now: now),
        fallback: machine.namespace.settings.defaultHistoryRange ?? .all)
  }

  /// Everything is in memory.
  mutating func execute(_ machine: ResidentMachine) {
    guard let step = machine.running else {
      return assertionFailure("only a step that runs is executed")
    }
    assert(step.isDeciding && !machine.isUnknown, "a step is executed with its machine in memory")
    if machine.namespace.isGone { return endInGoneNamespace(machine) }
    if case .reply(let row) = step.remembered, let key = step.key {
      return end(machine, row.reply(to: key.fingerprint))
    }
    if step.forgetStaleMessage() { return prepare(machine) }
    if let number = step.operation.message, let key = machine.row?.key {
      let message = MessageRef(shard: machine.shard.id, machine: key, number: number)
      step.sees(messageUnderWay: messages.isUnderWay(message))
    }
    switch step.operation.begin(StepView(machine, now: now)) {
    case .ask: enterGate(machine)
    case .decided(let decision): perform(decision, machine)
    }
  }
}
