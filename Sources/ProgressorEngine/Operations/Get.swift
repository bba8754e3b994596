import MachineModel

/// Get: what is committed, at any time, without the processor and past the mailbox. Who wants to
/// see something that is not so yet waits: `Waits/Waits`.
extension Engine {
  mutating func get(_ request: Request, _ machine: ResidentMachine, _ look: Look) {
    register(request, .read(look), machine, in: machine.namespace)
    read(request.id, machine, look)
  }

  private mutating func read(_ id: RequestID, _ machine: ResidentMachine, _ look: Look) {
    assert(requests[id]?.isBeingRead == false, "who reads is not answered, nor reads twice")
    if let row = machine.row, look.waits(for: row) {
      wait(id, machine, look)
    } else if let row = machine.row, !machine.notifications.needsLoad,
      let history = machine.history.select(look.range, last: row.lastEventID)
    {
      show(id, machine, row, machine.notifications.head, history, look)
    } else if case .absent = machine.presence {
      answer(id, .error(.machineNotFound(machine.id)))
    } else {
      var load = LoadRequest(
        id: LoadID(nextNumber()), shard: machine.shard.id, namespace: machine.namespace.number,
        machine: machine.id, row: true, history: look.range, notificationsAfter: 0)
      load.historyBytes = look.historyBytes
      send(load, for: .get(machine, id))
    }
    becameIdle(machine)
  }

  mutating func getLoaded(
    _ machine: ResidentMachine, _ id: RequestID, _ result: Result<Loaded, ReadFailure>
  ) {
    // Its caller was answered meanwhile.
    guard let pending = requests[id], case .read(let look) = pending.work else { return }
    assert(!machine.waitingReads.contains(id), "who waits for an outcome reads nothing")
    guard ownership.isTrusted(at: now.uptime) else { return answer(id, .error(.notOwner)) }
    switch result {
    case .failure(let failure): answer(id, .error(failure.error))
    case .success(let loaded):
      if machine.showsOutcome(loaded) {
        machine.waitToRead(id)
        return
      }
      guard let row = loaded.row else {
        return answer(id, .error(.machineNotFound(machine.id)))
      }
      if loaded.damage != nil, row.failure != nil, look.waitsForRow(row) {
        return wait(id, machine, look)
      }
      if look.waits(for: row), loaded.damage == nil {
        // What was read may be old: memory knows what was committed meanwhile.
        return machine.isUnknown ? wait(id, machine, look) : read(id, machine, look)
      }
      if loaded.damage != nil, row.failure == nil {
        return answer(id, .error(.damaged(loaded.damage)))
      }
      if loaded.historyTooLarge {
        guard let narrowed = look.narrowed else { return answer(id, .error(.historyTooLarge)) }
        pending.looks(narrowed)
        return read(id, machine, narrowed)
      }
      if loaded.damage == nil,
        let fault = look.range.fault(of: loaded.history, last: row.lastEventID)
      {
        return answer(id, .error(.damaged(fault)))
      }
      show(id, machine, row, loaded.notifications.first, loaded.history, look)
    }
  }

  /// Reads that waited for a step's outcome are answered from what is known now.
  mutating func retryReads(_ machine: ResidentMachine) {
    guard !machine.waitingReads.isEmpty else { return }
    for id in machine.takeWaitingReads() {
      assert(machine.requests.contains(id), "who waits for an outcome is not answered")
      guard case .read(let look)? = requests[id]?.work else { continue }
      guard ownership.isTrusted(at: now.uptime) else {
        answer(id, .error(.notOwner))
        continue
      }
      read(id, machine, look)
    }
  }

  private mutating func show(
    _ id: RequestID, _ machine: ResidentMachine, _ row: MachineRow, _ head: QueuedNotification?,
    _ history: [Event], _ look: Look
  ) {
    assert(history.count <= max(0, row.lastEventID), "no more is shown than has happened")
    let range = look.range
    if range.direction == .forward, range.after > row.lastEventID, !look.isClipped {
      let field = look.isWatch ? "after_event_id" : "history_range.after"
      return answer(id, .error(.eventNotFound(range.after, field: field)))
    }
    var shown = Snapshot.machine(row, head: head, history: history, range: range)
    shown.queuedNotifications = row.notificationCount
    shown.pendingMessages = row.pendingMessages
    shown.undeliveredMessages = row.undeliveredMessages
    shown.waiting = machine.waiting(row, head: head, now)
    answer(id, look.isWatch ? .watched(shown, MachineMark(row)) : .machine(shown))
  }
}
