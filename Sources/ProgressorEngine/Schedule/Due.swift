import MachineModel

/// What machines do by themselves: timeouts and deliveries, when their time has come.
extension Engine {
  /// Puts the machine among its namespace's timers, at the time when it next has something to do
  /// that is not under way; or takes it out, when there is nothing or when the database will tell
  /// in time.
  mutating func reschedule(_ machine: ResidentMachine) {
    // Whoever reads it schedules it.
    guard !machine.isDropped, !machine.isUnknown else { return }
    assert(residency[machine.id] === machine, "a machine stands for its name")
    let namespace = machine.namespace
    guard let row = machine.row, let due = nextUnqueued(machine, row) else {
      return schedule.remove(machine.id, namespace, now)
    }
    let position = machine.duePosition(row)
    if due <= now.wall || position.map(namespace.schedule.covers) ?? true {
      schedule.place(machine.id, at: due, position, namespace, now)
    } else {
      schedule.remove(machine.id, namespace, now)
    }
  }

  /// The earliest time of what is not already in the mailbox or running.
  func nextUnqueued(_ machine: ResidentMachine, _ row: MachineRow) -> Timestamp? {
    if !row.runsByItself { return nil }
    var due: Timestamp?
    if !machine.timeoutQueued, let timer = row.timer { due = timer.due }
    if !machine.deliveryQueued, let delivery = deliveryDue(machine) {
      due = due.map { min($0, delivery) } ?? delivery
    }
    return due
  }

  private func deliveryDue(_ machine: ResidentMachine) -> Timestamp? {
    if let head = machine.notifications.head { return head.due(now) }
    return machine.notifications.needsLoad ? now.wall : nil
  }

  /// Puts what is due into the mailbox, in the order of its time; the rest into the heap.
  mutating func becomeDue(_ machine: ResidentMachine) {
    takeDue(machine)
    let isQueued = machine.timeoutQueued || machine.deliveryQueued
    if !isQueued || machine.standsAside { schedule.leave(machine) }
    assert(!machine.isActive || isQueued, "who counts as active has something to do")
  }

  private mutating func takeDue(_ machine: ResidentMachine) {
    // Nothing of it could be written: should there be its like again, it is read anew.
    if machine.namespace.isGone { return becameIdle(machine) }
    guard let row = machine.row, row.runsByItself, !machine.isDropped else {
      return reschedule(machine)
    }
    var items: [(Timestamp, Mailbox.Item)] = []
    if !machine.timeoutQueued, let timer = row.timer, timer.due <= now.wall {
      items.append((timer.due, .timeout))
    }
    if !machine.deliveryQueued, let due = deliveryDue(machine), due <= now.wall {
      items.append((due, .notification))
    }
    if !items.isEmpty, !ownership.isTrusted(at: now.uptime) { return rearm(machine) }
    if !items.isEmpty, park(machine) { return }
    // Behind a step that stands aside nothing begins: it takes nobody's place there.
    if !items.isEmpty, !machine.standsAside, !schedule.letIn(machine, row, circumstances) {
      return becameIdle(machine)
    }
    items.sort { $0.0 < $1.0 }
    assert(items.count <= 2, "a machine has one timer and one notification that is next")
    for (_, item) in items { machine.queue(item) }
    if items.isEmpty, machine.running == nil, machine.isDueForNothing(now) {
      // What cannot be written now is looked at again: nothing else would come back to it.
      guard ownership.isTrusted(at: now.uptime), !circumstances.isDelayed else {
        return rearm(machine)
      }
      machine.queue(.settling)
    }
    reschedule(machine)
    ready.add(machine)
  }

  /// Before what could not be had is tried again, in microseconds.
  static let shortPause: Int64 = 500_000

  /// Comes back to the machine in a while.
  mutating func rearm(_ machine: ResidentMachine, after pause: Int64 = Engine.shortPause) {
    assert(!machine.isDropped, "nobody comes back to a machine that is gone")
    machine.recountQueued()
    schedule.leave(machine)
    if machine.row == nil, !machine.isUnknown {
      // There is no such machine.
      schedule.remove(machine.id, machine.namespace, now)
    } else {
      lookAgain(machine, position: machine.row.flatMap { machine.duePosition($0) }, after: pause)
    }
    becameIdle(machine)
  }

  /// Looks at a machine again in a while. `position` is where the database has it, nil = unknown.
  mutating func lookAgain(
    _ machine: ResidentMachine, position: DuePosition?, after pause: Int64 = Engine.shortPause
  ) {
    assert(pause > 0, "nobody is looked at in a circle")
    schedule.place(
      machine.id, at: now.wall.advanced(byMicroseconds: pause), position, machine.namespace, now)
  }

  /// Work of a namespace whose endpoint is down, or that is paused, waits outside of the mailbox.
  private mutating func park(_ machine: ResidentMachine) -> Bool {
    guard machine.namespace.parks else { return false }
    assert(machine.row?.runsByItself == true, "who is parked has something to do")
    schedule.leave(machine)
    reschedule(machine)
    becameIdle(machine)
    return true
  }

  /// The endpoint cannot be reached: what a timeout or delivery found out costs no attempt.
  mutating func endpointIsDown(_ machine: ResidentMachine) {
    assert(machine.running?.requestID == nil, "no caller waits for an endpoint to come back")
    let namespace = machine.namespace
    if namespace.endpointWentDown() { effects.append(.awaitEndpoint(namespace.number)) }
    count(.postponed, machine)
    end(machine)
  }

  mutating func endpointReady(_ number: NamespaceNumber) {
    // Each core hears of it, also one that did not wait, or to which the namespace is gone.
    guard let namespace = namespaces[number], namespace.isDown else { return }
    namespace.endpointCameBack()
    schedule.rest(namespace, until: now.uptime.saturatingAdd(namespace.pauseAfterOutage))
    unpark(namespace)
  }

  /// What waited for the endpoint, or for the end of a pause, takes its turns.
  mutating func unpark(_ namespace: NamespaceState) {
    if !namespace.parks { schedule.join(namespace) }
  }

  /// Looks whether the machine has something to do, reading it first when it is not in memory.
  mutating func wakeUp(_ id: MachineID) {
    // Its shard, or its namespace, may be gone since it became due.
    guard let shard = ownership.shard(of: id), let namespace = namespaces[id.namespace] else {
      return
    }
    assert(!namespace.schedule.holds(id), "whose turn has come is no timer any more")
    let machine = machine(id, shard, namespace)
    schedule.enter(machine)
    if machine.isUnknown {
      // Whoever loads it schedules it.
      guard machine.loadsInFlight == 0 else {
        machine.wakeLater()
        return schedule.leave(machine)
      }
      let load = LoadRequest(
        id: LoadID(nextNumber()), shard: shard.id, namespace: namespace.number, machine: id,
        row: true, notificationsAfter: 0)
      send(load, for: .wake(machine))
    } else {
      becomeDue(machine)
      becameIdle(machine)
    }
  }
}

/// What the look ahead brought.
extension Engine {
  mutating func lookedAhead(_ query: DueQuery, _ pages: [Result<DuePage, ReadFailure>]) {
    assert(pages.count == query.spans.count, "each part that was read has its page")
    for (namespace, machines, cut) in schedule.takeRead(query, pages, now) {
      for due in machines { found(due, namespace) }
      schedule.endRead(namespace, from: cut, now)
    }
  }

  /// What memory knows of a machine is no older than what was read of it.
  private mutating func found(_ due: DueMachine, _ namespace: NamespaceState) {
    assert(!namespace.isGone, "nothing is found for what is gone")
    if let machine = residency[due.machine], !machine.isUnknown, machine.namespace === namespace {
      // Its row may be all that is due of it.
      if machine.isDueForNothing(now) { becomeDue(machine) } else { reschedule(machine) }
    } else if !namespace.schedule.holds(due.machine) {
      schedule.place(due.machine, at: due.position.due, due.position, namespace, now)
    }
  }
}
