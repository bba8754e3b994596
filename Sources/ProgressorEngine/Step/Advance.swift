import MachineModel

/// The life of a step: begin, prepare (load), pass the gate, invoke, conclude, commit, end.
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
  }

  /// Begins the machine's next step if it takes none.
  private mutating func advance(_ machine: ResidentMachine) {
    guard !machine.isDropped else { return }
    if machine.isDistrusted, machine.running == nil { return drop(machine, .storageUnavailable) }
    while machine.running == nil, let item = machine.mailbox.popFirst() {
      begin(item, machine)
    }
    becameIdle(machine)
  }

  private mutating func begin(_ item: Mailbox.Item, _ machine: ResidentMachine) {
    var pending: PendingRequest?
    let operation: any StepOperation
    switch item {
    case .timeout: operation = TimeoutStep()
    case .notification: operation = DeliveryStep()
    case .settling: operation = SettlingStep()
    case .request(let id):
      guard let request = requests[id], let step = request.work.step else { return }
      (pending, operation) = (request, step)
    }
    machine.running = RunningStep(
      id: StepID(nextNumber()), item: item, operation, pending: pending)
    residency.charge(machine)
    if !ownership.isTrusted(at: now.uptime) { return abandon(machine, .notOwner) }
    if writers[machine.shard].isDelayed { return abandon(machine, .storageUnavailable) }
    approachGate(machine)
  }

  /// Reads what the step needs and memory does not have; then lets its operation decide.
  mutating func prepare(_ machine: ResidentMachine) {
    guard let step = machine.running else { return }
    if let id = step.requestID, requests[id] == nil { return end(machine) }
    var load = LoadRequest(
      id: LoadID(nextNumber()), shard: machine.shard.id, namespace: machine.namespace.number,
      machine: machine.id, row: machine.isUnknown)
    if let key = step.key, case .notLookedUp = step.remembered { load.idempotencyKey = key.key }
    if load.row { load.notificationsAfter = 0 }
    if let row = machine.row, machine.notifications.needsLoad, case .notification = step.item,
      row.runsByItself
    {
      load.notificationsAfter = 0
    }
    // In a paused namespace it is answered without its history, for which it has no memory.
    let showsNothing = step.operation.asksProcessor && machine.namespace.settings.pause != nil
    if step.history.events == nil, !step.history.isTooLarge, !showsNothing,
      let range = historyRange(of: step, machine)
    {
      machine.running?.history.range = range
      if let row = machine.row {
        if let events = machine.history.select(range, last: row.lastEventID) {
          machine.running?.history.events = events
        } else {
          load.history = range
        }
      } else if machine.isUnknown {
        load.history = range
      }
    }
    load.historyBytes = min(load.historyBytes, step.share.allowed)
    guard
      load.row || load.idempotencyKey != nil || load.history != nil
        || load.notificationsAfter != nil
    else { return execute(machine) }
    machine.running?.phase = .loading(
      RunningStep.Reading(
        load: load.id, bringsHistory: load.history != nil,
        notificationsBefore: load.notificationsAfter == nil ? nil : machine.notifications.count))
    send(load, for: .step(machine, step.id))
  }

  /// The history that the step's processor is shown; nil = none, or the row must be known first.
  private func historyRange(of step: RunningStep, _ machine: ResidentMachine) -> HistoryRange? {
    step.history.range
      ?? step.operation.historyRange(
        StepView(machine, now: now),
        fallback: machine.namespace.settings.defaultHistoryRange ?? .all)
  }

  mutating func send(_ load: LoadRequest, for purpose: LoadPurpose) {
    let request = purpose.request.flatMap { requests[$0] == nil ? nil : $0 }
    loads.insert(LoadInFlight(purpose: purpose, request: request), load.id)
    if let request { requests[request]?.isBeingRead = true }
    effects.append(.load(load))
  }

  /// A load is answered; the place of its request, if that was answered before, is free.
  private mutating func takeLoad(_ id: LoadID) -> LoadInFlight? {
    guard let load = loads.remove(id) else { return nil }
    if let request = load.request {
      requests.readEnded(request, in: load.purpose.machine.namespace)
    }
    return load
  }

  mutating func loaded(_ id: LoadID, _ result: Result<Loaded, ReadFailure>) {
    guard let load = takeLoad(id) else { return }
    let (purpose, machine) = (load.purpose, load.purpose.machine)
    guard !machine.isDropped else { return }
    // Every load that is sent while the row is unknown asks for the row.
    let wasUnknown = machine.isUnknown
    if case .success(let loaded) = result, loaded.damage == nil {
      machine.adopt(loaded)
      if wasUnknown { reschedule(machine) }
    }
    if machine.wantsWake {
      machine.wantsWake = false
      // Whether it has something to do is not known yet.
      if machine.isUnknown { rearm(machine, after: pause(after: result, machine)) }
    }
    if let request = load.request, requests[request]?.isCancelled == true {
      drop(request, .error(.cancelled))
    }
    switch purpose {
    case .step(_, let step): stepLoaded(machine, step, id, result)
    case .notify(_, let request): notifyLoaded(machine, request, result)
    case .get(_, let request): getLoaded(machine, request, result)
    case .wake: wakeLoaded(machine, result)
    }
    residency.charge(machine)
    ready.add(machine)
  }

  private mutating func stepLoaded(
    _ machine: ResidentMachine, _ id: StepID, _ load: LoadID,
    _ result: Result<Loaded, ReadFailure>
  ) {
    guard let step = machine.running, step.id == id, let reading = step.reading,
      reading.load == load
    else { return }
    if let request = step.requestID, requests[request] == nil { return end(machine) }
    var isLarge = false
    switch result {
    case .failure(let failure):
      abandon(machine, failure.error, pause: pause(after: result, machine))
    case .success(let loaded) where loaded.damage != nil: stepMeetsDamage(machine, loaded)
    case .success(var loaded):
      if let fault = historyFault(machine, reading, loaded) {
        loaded.damage = fault
        return stepMeetsDamage(machine, loaded)
      }
      machine.running?.phase = .deciding
      if let remembered = loaded.idempotency, Safeguard.idempotency.isOn {
        machine.running?.remembered = .reply(remembered)
      } else if case .notLookedUp = step.remembered, let key = step.key, let id = step.requestID {
        // A later load, of the history alone, says nothing of the key.
        machine.running?.remembered = .nothing
        confirm(key.key, owner: id, machine)
      }
      if let row = machine.row, reading.bringsHistory {
        machine.history.adopt(loaded.history, last: row.lastEventID)
        if loaded.historyTooLarge, step.share.allowed < LoadRequest.maximumHistoryBytes {
          isLarge = true
        } else {
          machine.running?.history.events = loaded.history
          machine.running?.history.isTooLarge = loaded.historyTooLarge
        }
      }
      if let count = reading.notificationsBefore {
        machine.notifications.refill(loaded.notifications, count: count)
      }
      if case .reply? = machine.running?.remembered {
        // It shows nothing to anybody.
        execute(machine)
      } else if isLarge {
        awaitRoom(machine)
      } else {
        prepare(machine)
      }
    }
  }

  /// What is wrong with the history that was read for the machine's step.
  private func historyFault(
    _ machine: ResidentMachine, _ reading: RunningStep.Reading, _ loaded: Loaded
  ) -> String? {
    guard reading.bringsHistory, !loaded.historyTooLarge, let row = machine.row,
      let range = machine.running?.history.range
    else { return nil }
    return range.fault(of: loaded.history, last: row.lastEventID)
  }

  /// The step ends; nothing of it is in the way of the next one.
  mutating func end(_ machine: ResidentMachine) {
    guard let step = machine.running else { return }
    machine.running = nil
    switch step.item {
    case .timeout: machine.timeoutQueued = false
    case .notification: machine.deliveryQueued = false
    case .request, .settling: break
    }
    leaveGate(step, machine)
    answerWaiting(machine)
    // A machine with more to do stands behind those that wait for a turn.
    if !machine.timeoutQueued, !machine.deliveryQueued,
      machine.namespace.schedule.timers.isDue(at: now.wall)
    {
      schedule.leave(machine)
    }
    becomeDue(machine)
    ready.add(machine)
  }

  /// The step ends with this reply, if somebody asked for it.
  mutating func end(_ machine: ResidentMachine, _ reply: Reply) {
    if !machine.isCommitting {
      if case .error(let error) = reply {
        count(error.code == .unavailable ? .postponed : .refused, machine)
      } else {
        count(.unchanged, machine)
      }
    }
    if let step = machine.running, let id = step.requestID {
      conclude(id, key: step.key?.key, reply, machine)
    }
    end(machine)
  }

  /// A request's step is over: its caller, and those who wait on its key, hear so, even when the
  /// caller itself is gone.
  mutating func conclude(
    _ id: RequestID, key: String?, _ reply: Reply, _ machine: ResidentMachine
  ) {
    if requests[id] != nil { return answer(id, reply) }
    if let key { settle(key, owner: id, reply, machine) }
  }

  /// The step cannot go on now, through no fault of the machine: a caller hears why, a timeout or
  /// delivery comes again in a while.
  mutating func abandon(
    _ machine: ResidentMachine, _ error: ProgressorError, pause: Int64 = Engine.shortPause
  ) {
    guard let step = machine.running else { return }
    count(.postponed, machine)
    machine.running = nil
    leaveGate(step, machine)
    if let id = step.requestID {
      conclude(id, key: step.key?.key, .error(error), machine)
    }
    answerWaiting(machine)
    if step.requestID == nil { rearm(machine, after: pause) }
    ready.add(machine)
  }

  /// What waited for the end of the step that is over.
  private mutating func answerWaiting(_ machine: ResidentMachine) {
    retryNotifies(machine)
    retryReads(machine)
  }
}

extension ReadFailure {
  var error: ProgressorError {
    switch self {
    case .unavailable: .storageUnavailable
    case .unreadable(let what): .damaged(what)
    }
  }
}
