import MachineModel

/// A side road of a step's way, as of everything else that needs rows which memory does not have:
/// they are asked for, and what waited for them goes on where it came from.
extension Engine {
  mutating func send(_ load: LoadRequest, for purpose: LoadPurpose) {
    assert(!purpose.machine.isDropped, "nothing is read for a machine that is gone")
    assert(load.row || !purpose.machine.isUnknown, "what is unknown is read with its row")
    let request = purpose.request.flatMap { requests[$0] == nil ? nil : $0 }
    loads.insert(LoadInFlight(purpose: purpose, request: request), load.id)
    if let request { requests[request]?.isBeingRead = true }
    effects.append(.load(load))
  }

  /// A load is answered; the place of its request, if that was answered before, is free.
  private mutating func takeLoad(_ id: LoadID) -> LoadInFlight? {
    guard let load = loads.remove(id) else { return nil }
    if let request = load.request {
      assert(
        requests[request].map { $0.machine === load.purpose.machine } ?? true,
        "what is read for a request is its machine's")
      requests.readEnded(request, in: load.purpose.machine.namespace)
    }
    return load
  }

  mutating func loaded(_ id: LoadID, _ result: Result<Loaded, ReadFailure>) {
    // An answer may come twice.
    guard let load = takeLoad(id) else { return }
    let (purpose, machine) = (load.purpose, load.purpose.machine)
    // It was let go of meanwhile, and who waited for it was told.
    guard !machine.isDropped else {
      if case .message(_, let message, _) = purpose, ownership.holds(machine.shard) {
        lookAgain(message)
      }
      return
    }
    assert(ownership.holds(machine.shard), "a machine in memory is of a shard that is owned")
    // Every load that is sent while the row is unknown asks for the row.
    let wasUnknown = machine.isUnknown
    if case .success(let loaded) = result, loaded.damage == nil {
      machine.adopt(loaded)
      if wasUnknown { reschedule(machine) }
    }
    if machine.takeWake() {
      // Whether it has something to do is not known yet. A load that woke it says so itself.
      if machine.isUnknown, !purpose.isWake {
        rearm(machine, after: pause(after: result, machine))
      }
    }
    if let request = load.request, requests[request]?.isCancelled == true {
      drop(request, .error(.cancelled))
    }
    switch purpose {
    case .step(_, let step): stepLoaded(machine, step, id, result)
    case .notify(_, let request): notifyLoaded(machine, request, result)
    case .get(_, let request): getLoaded(machine, request, result)
    case .wake: wakeLoaded(machine, result)
    case .message(_, let message, let verdict): senderLoaded(machine, message, verdict, result)
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
    else { return assertionFailure("a step that reads waits for what it reads") }
    step.loaded()
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
      if let remembered = loaded.idempotency, Safeguard.idempotency.isOn {
        step.found(remembered)
      } else if case .notLookedUp = step.remembered, let key = step.key, let id = step.requestID {
        // A later load, of the history alone, says nothing of the key.
        step.found(nil as IdempotencyRow?)
        confirm(key.key, owner: id, machine)
      }
      if step.operation.message != nil {
        step.found(loaded.message)
      }
      if let row = machine.row, reading.bringsHistory {
        machine.adopt(loaded.history, last: row.lastEventID)
        if loaded.historyTooLarge, step.share.allowed < LoadRequest.maximumHistoryBytes {
          isLarge = true
        } else {
          step.found(history: loaded.history, isTooLarge: loaded.historyTooLarge)
        }
      }
      if let sought = reading.sought {
        step.found(sought: loaded.notifications.first?.sequence == sought)
      }
      if let count = reading.notificationsBefore {
        machine.refill(loaded.notifications, count: count)
      }
      if case .reply = step.remembered {
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
}

extension ReadFailure {
  var error: ProgressorError {
    switch self {
    case .unavailable: .storageUnavailable
    case .unreadable(let what): .damaged(what)
    }
  }
}
