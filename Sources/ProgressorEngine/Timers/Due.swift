import MachineModel

/// What machines do by themselves: timeouts and deliveries, when their time has come.
extension Engine {
  /// Puts the machine's next due time into the heap, if the heap covers that time.
  mutating func schedule(_ machine: ResidentMachine) {
    guard let row = machine.row, !machine.isDropped, var due = nextUnqueued(machine, row) else {
      return
    }
    if !lookAhead.covers(due) {
      // The row's own due time may be earlier: then the look-ahead is past it and never finds it,
      // and the heap looks again and again, though it holds nothing far ahead.
      guard let stored = row.due, lookAhead.covers(stored) else { return }
      due = min(due, max(lookAhead.coveredUntil, now.wall.advanced(byMicroseconds: 1_000_000)))
    }
    if let scheduled = machine.scheduledAt, scheduled <= due { return }
    guard timers.count < configuration.maximumTimers else {
      // The heap is full: the database keeps the time, and the heap is filled from it again.
      lookAhead.rescan(at: now.uptime.saturatingAdd(1_000_000))
      return
    }
    machine.scheduledAt = due
    timers.push(due, machine.id)
  }

  /// The earliest time of what is not already in the mailbox or running.
  private func nextUnqueued(_ machine: ResidentMachine, _ row: MachineRow) -> Timestamp? {
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
    if !machine.timeoutQueued, !machine.deliveryQueued { becameInactive(machine) }
  }

  private mutating func takeDue(_ machine: ResidentMachine) {
    guard let row = machine.row, row.runsByItself, !machine.isDropped else { return }
    var items: [(Timestamp, Mailbox.Item)] = []
    if !machine.timeoutQueued, let timer = row.timer, timer.due <= now.wall {
      items.append((timer.due, .timeout))
    }
    if !machine.deliveryQueued, let due = deliveryDue(machine), due <= now.wall {
      items.append((due, .notification))
    }
    if !items.isEmpty, !lease.isTrusted(at: now.uptime) { return rearm(machine) }
    if !items.isEmpty, park(machine) || !letIn(machine) { return }
    items.sort { $0.0 < $1.0 }
    for (_, item) in items {
      if item == .timeout { machine.timeoutQueued = true } else { machine.deliveryQueued = true }
      machine.mailbox.append(item)
    }
    schedule(machine)
    if machine.running == nil { advance(machine) }
  }

  /// Comes back to the machine in a while.
  mutating func rearm(_ machine: ResidentMachine) {
    clearFlags(machine)
    becameInactive(machine)
    let at = now.wall.advanced(byMicroseconds: 500_000)
    if let scheduled = machine.scheduledAt, scheduled > now.wall, scheduled <= at { return }
    machine.scheduledAt = at
    timers.push(at, machine.id)
    becameIdle(machine)
  }

  private func clearFlags(_ machine: ResidentMachine) {
    if machine.running?.item != .timeout, !machine.mailbox.contains(.timeout) {
      machine.timeoutQueued = false
    }
    if machine.running?.item != .notification, !machine.mailbox.contains(.notification) {
      machine.deliveryQueued = false
    }
  }

  /// Work of a namespace whose endpoint is down, or that is paused, waits outside of the mailbox.
  private mutating func park(_ machine: ResidentMachine) -> Bool {
    guard machine.namespace.park(machine.id) else { return false }
    becameInactive(machine)
    becameIdle(machine)
    return true
  }

  /// The endpoint cannot be reached: what a timeout or delivery found out costs no attempt.
  mutating func endpointIsDown(_ machine: ResidentMachine) {
    let namespace = machine.namespace
    if !namespace.isDown {
      namespace.isDown = true
      namespace.outages += 1
      effects.append(.awaitEndpoint(namespace.number))
    }
    count(.postponed, machine)
    end(machine)
  }

  mutating func endpointReady(_ number: NamespaceNumber) {
    guard let name = namespaceNames[number], let namespace = namespaces[name], namespace.isDown
    else { return }
    namespace.isDown = false
    namespace.restsUntil = now.uptime.saturatingAdd(namespace.pauseAfterOutage)
    unpark(namespace)
  }

  /// What waited for the endpoint, or for the end of a pause, takes its turns.
  mutating func unpark(_ namespace: NamespaceState) {
    guard !namespace.parks else { return }
    let parked = namespace.parked
    namespace.parked = []
    Visits.note(parked.count)
    for id in parked.sorted() { awaitTurn(id, namespace) }
    if namespace.hasBacklog || !namespace.due.isEmpty { joinTurns(namespace) }
  }

  mutating func fireDueTimers() {
    guard lease.isTrusted(at: now.uptime) else { return }
    while let entry = timers.pop(at: now.wall) {
      if let machine = machines[entry.machine], machine.scheduledAt == entry.due {
        machine.scheduledAt = nil
      }
      if let namespace = namespaces[ExactText(entry.machine.namespace)],
        !namespace.park(entry.machine)
      {
        takeTurn(entry.machine, namespace)
      }
    }
    giveTurns()
  }

  /// Looks whether the machine has something to do, reading it first when it is not in memory.
  mutating func wakeUp(_ id: MachineID) {
    let shard = ShardID(of: id, shards: configuration.shards)
    guard shards[shard] != nil, let namespace = namespaces[ExactText(id.namespace)] else { return }
    let machine = machine(id, shard, namespace)
    becameActive(machine)
    if machine.isUnknown {
      // Whoever loads it schedules it.
      guard machine.loadsInFlight == 0 else {
        machine.wantsWake = true
        return becameInactive(machine)
      }
      let load = LoadRequest(
        id: LoadID(nextNumber()), shard: shard, namespace: namespace.number, machine: id,
        row: true, notificationsAfter: 0)
      send(load, for: .wake(machine))
    } else {
      becomeDue(machine)
      becameIdle(machine)
    }
  }

  mutating func readAhead() {
    guard !shards.isEmpty, lease.isTrusted(at: now.uptime) else { return }
    if let query = lookAhead.begin(
      now: now, heapCount: timers.count, configuration: configuration)
    {
      effects.append(.readDue(query))
    }
  }

  mutating func lookedAhead(_ query: DueQuery, _ result: Result<[DueMachine], ReadFailure>) {
    let page = try? result.get()
    if readBacklog(query, page) { return }
    guard lookAhead.ended(query, page: page, now: now, configuration: configuration) else {
      return
    }
    for due in page ?? [] {
      if let machine = machines[due.machine] {
        if machine.row != nil { schedule(machine) }
        if machine.row != nil || machine.scheduledAt == due.position.due { continue }
        machine.scheduledAt = due.position.due
      }
      timers.push(due.position.due, due.machine)
    }
  }
}
