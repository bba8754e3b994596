import MachineModel

/// Get: what is committed, at any time, without the processor and past the mailbox.
extension Engine {
  mutating func get(
    _ request: Request, _ machine: ResidentMachine, _ range: HistoryRange
  ) {
    register(request, .read(range), machine, in: machine.namespace)
    read(request.id, machine, range)
  }

  private mutating func read(_ id: RequestID, _ machine: ResidentMachine, _ range: HistoryRange) {
    assert(requests[id]?.isBeingRead == false, "who reads is not answered, nor reads twice")
    if let row = machine.row, !machine.notifications.needsLoad,
      let history = machine.history.select(range, last: row.lastEventID)
    {
      show(id, machine, row, machine.notifications.head, history, range)
    } else if case .absent = machine.presence {
      answer(id, .error(.machineNotFound(machine.id)))
    } else {
      let load = LoadRequest(
        id: LoadID(nextNumber()), shard: machine.shard.id, namespace: machine.namespace.number,
        machine: machine.id, row: true, history: range, notificationsAfter: 0)
      send(load, for: .get(machine, id))
    }
    becameIdle(machine)
  }

  mutating func getLoaded(
    _ machine: ResidentMachine, _ id: RequestID, _ result: Result<Loaded, ReadFailure>
  ) {
    guard let pending = requests[id], case .read(let range) = pending.work else {
      return
    }
    assert(!machine.waitingReads.contains(id), "who waits for an outcome reads nothing")
    guard ownership.isTrusted(at: now.uptime) else { return answer(id, .error(.notOwner)) }
    switch result {
    case .failure(let failure): answer(id, .error(failure.error))
    case .success(let loaded):
      if machine.showsOutcome(loaded) {
        machine.waitingReads.insert(id)
        return
      }
      guard let row = loaded.row else {
        return answer(id, .error(.machineNotFound(machine.id)))
      }
      if loaded.damage != nil, row.failure == nil {
        return answer(id, .error(.damaged(loaded.damage)))
      }
      if loaded.historyTooLarge { return answer(id, .error(.historyTooLarge)) }
      if loaded.damage == nil, let fault = range.fault(of: loaded.history, last: row.lastEventID) {
        return answer(id, .error(.damaged(fault)))
      }
      show(id, machine, row, loaded.notifications.first, loaded.history, range)
    }
  }

  /// Reads that waited for a step's outcome are answered from what is known now.
  mutating func retryReads(_ machine: ResidentMachine) {
    guard !machine.waitingReads.isEmpty else { return }
    let waiting = machine.waitingReads.sorted { $0.number < $1.number }
    machine.waitingReads = []
    for id in waiting {
      assert(machine.requests.contains(id), "who waits for an outcome is not answered")
      guard case .read(let range)? = requests[id]?.work else { continue }
      guard ownership.isTrusted(at: now.uptime) else {
        answer(id, .error(.notOwner))
        continue
      }
      read(id, machine, range)
    }
  }

  private mutating func show(
    _ id: RequestID, _ machine: ResidentMachine, _ row: MachineRow, _ head: QueuedNotification?,
    _ history: [Event], _ range: HistoryRange
  ) {
    assert(history.count <= max(0, row.lastEventID), "no more is shown than has happened")
    if range.direction == .forward, range.after > row.lastEventID {
      return answer(id, .error(.eventNotFound(range.after)))
    }
    var shown = Snapshot.machine(row, head: head, history: history, range: range)
    shown.queuedNotifications = row.notificationCount
    shown.waiting = machine.waiting(row, head: head, now)
    answer(id, .machine(shown))
  }
}
